"""RTP and RTCP for the tests, written apart from the router's own: packets that prove who they are."""

import struct
import zlib
from dataclasses import dataclass

MAGIC = b"TLNK"
_STAMP = struct.Struct(">4sBIH")
_RTP = struct.Struct(">BBHII")

SENDER_REPORT = 200
RECEIVER_REPORT = 201
BYE = 203


@dataclass(frozen=True, slots=True)
class Rtp:
    """One RTP packet, taken apart."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a synthetic payload says of itself."""

    mount: str
    track: int
    counter: int


def build_rtp(packet: Rtp) -> bytes:
    """Serialise a packet without CSRCs or extension."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return _RTP.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def parse_rtp(data: bytes) -> Rtp:
    """Take a packet without CSRCs or extension apart."""
    first, second, sequence, timestamp, ssrc = _RTP.unpack_from(data)
    assert first == 0x80, f"not plain RTP: {data[:16].hex()}"
    return Rtp(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[12:])


def build_payload(stamp: Stamp, size: int) -> bytes:
    """Make a payload of `size` bytes that carries its origin and a checksum."""
    mount = stamp.mount.encode()
    head = _STAMP.pack(MAGIC, stamp.track, stamp.counter, len(mount)) + mount
    filler = size - len(head) - 4
    assert filler >= 0, f"{size} bytes are too few for a stamp"
    body = head + bytes((stamp.counter + index) & 0xFF for index in range(filler))
    return body + struct.pack(">I", zlib.crc32(body))


def read_stamp(payload: bytes) -> Stamp:
    """Check a payload's checksum and return its origin."""
    magic, track, counter, length = _STAMP.unpack_from(payload)
    assert magic == MAGIC, f"not a synthetic payload: {payload[:16].hex()}"
    (checksum,) = struct.unpack(">I", payload[-4:])
    assert checksum == zlib.crc32(payload[:-4]), "the payload was changed on its way"
    return Stamp(payload[_STAMP.size : _STAMP.size + length].decode(), track, counter)


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """One report block of a receiver report (RFC 3550 6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


@dataclass(frozen=True, slots=True)
class Rtcp:
    """One packet of a compound."""

    kind: int
    ssrc: int
    blocks: tuple[ReportBlock, ...]
    data: bytes


def build_sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """Make a compound of SR and SDES, as RFC 3550 6.1 wants it."""
    report = struct.pack(">BBHIQIII", 0x80, SENDER_REPORT, 6, ssrc, ntp, timestamp, packets, octets)
    return report + _sdes(ssrc)


def build_receiver_report(ssrc: int) -> bytes:
    """Make a compound of an empty RR and SDES: what a reader sends as a sign of life."""
    return struct.pack(">BBHI", 0x80, RECEIVER_REPORT, 1, ssrc) + _sdes(ssrc)


def _sdes(ssrc: int) -> bytes:
    name = b"tests@trunkline"
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk


def parse_rtcp(data: bytes) -> list[Rtcp]:
    """Take a compound apart; only reports have blocks."""
    packets = []
    while data:
        first, kind, words = struct.unpack_from(">BBH", data)
        assert first >> 6 == 2, f"not RTCP: {data[:16].hex()}"
        length = 4 * (words + 1)
        assert length <= len(data), f"RTCP length {length} of {len(data)}"
        (ssrc,) = struct.unpack_from(">I", data, 4) if length >= 8 else (0,)
        start = {SENDER_REPORT: 28, RECEIVER_REPORT: 8}.get(kind, length)
        blocks = tuple(_block(data[start + 24 * i :]) for i in range(first & 0x1F)) if start < length else ()
        packets.append(Rtcp(kind, ssrc, blocks, data[:length]))
        data = data[length:]
    return packets


def _block(data: bytes) -> ReportBlock:
    ssrc, lost, highest, jitter, last_sr, delay = struct.unpack_from(">IIIIII", data)
    cumulative = lost & 0xFFFFFF
    if cumulative & 0x800000:
        cumulative -= 1 << 24
    return ReportBlock(ssrc, lost >> 24, cumulative, highest, jitter, last_sr, delay)
