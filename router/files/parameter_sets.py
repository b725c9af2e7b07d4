"""The NAL units in the set-up bytes of H.264 and H.265 streams (ISO/IEC 14496-15, or Annex B of the codecs)."""

import re
from collections.abc import Iterator

_START_CODE = re.compile(rb"\x00\x00\x01")


def nal_units(codec: str, extradata: bytes) -> list[bytes]:
    """List the NAL units, without start codes; those that are cut off are left out."""
    if not extradata:
        return []
    if extradata[0] != 1:  # both kinds of record begin with their version; Annex B with zeros
        return [unit for part in _START_CODE.split(extradata)[1:] if (unit := part.rstrip(b"\0"))]
    return list(_in_avcc(extradata) if codec == "h264" else _in_hvcc(extradata))


def _in_avcc(record: bytes) -> Iterator[bytes]:
    """ISO/IEC 14496-15, 5.3.3.1.2: five bytes, then a count of SPS and the SPS, then of PPS and these."""
    at = 5
    for mask in (0x1F, 0xFF):
        count = record[at] & mask if at < len(record) else 0
        at += 1
        for _ in range(count):
            unit, at = _counted(record, at)
            if unit:
                yield unit


def _in_hvcc(record: bytes) -> Iterator[bytes]:
    """ISO/IEC 14496-15, 8.3.3.1.2: 22 bytes, then a count of arrays: their type, a count of units and the units."""
    at = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        count = int.from_bytes(record[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            if at >= len(record):
                return
            unit, at = _counted(record, at)
            if unit:
                yield unit


def _counted(record: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(record[at : at + 2])
    unit = record[at + 2 : at + 2 + size]
    return (unit if len(unit) == size else b""), at + 2 + size
