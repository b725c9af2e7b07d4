"""Set-up bytes of H.264 and H.265 as containers have them."""

SPS, PPS = bytes.fromhex("67640000acd9"), bytes.fromhex("68ebe3cb")
VPS5, SPS5, PPS5, SEI5 = (bytes([kind << 1, 1]) + b"\x05\x06" for kind in (32, 33, 34, 39))


def counted(unit: bytes) -> bytes:
    return len(unit).to_bytes(2) + unit


AVCC = b"\x01\x64\x00\x00\xff" + b"\xe1" + counted(SPS) + b"\x01" + counted(PPS)
HVCC = (
    b"\x01"
    + bytes(21)
    + bytes([4])
    + b"".join(bytes([unit[0] >> 1]) + b"\x00\x01" + counted(unit) for unit in (VPS5, SEI5, SPS5, PPS5))
)
ANNEX_B = b"\0\0\0\1" + SPS + b"\0\0\1" + PPS
