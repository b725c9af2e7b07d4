"""RTCP (RFC 3550 section 6, RFC 4585): compound packets apart, receiver reports and feedback together."""

from dataclasses import dataclass
from struct import Struct

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
PAYLOAD_FEEDBACK = 206
_TYPES = range(192, 224)
"""What may stand in the second byte: RFC 5761 section 4 keeps it apart from RTP with a marker."""

_PICTURE_LOSS = 1
_FULL_INTRA_REQUEST = 4
_CNAME = 1

_BLOCK = Struct("!IB3sIIII")
_REPORT = Struct("!BBHI")
_SENDER_INFO = Struct("!QIII")
_SENDER = Struct("!BBHIIIIII")

NTP_EPOCH_S = 2_208_988_800
"""From 1900, where NTP time begins, to 1970."""


@dataclass(frozen=True, slots=True)
class Part:
    """One packet of a compound: `count` is the five bits beside the version, `data` the whole packet."""

    kind: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says of itself (section 6.4.1): `ntp` has 64 bits, all but it wrap around at 32."""

    ntp: int
    rtp_time: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream (section 6.4.1): `fraction` in 256ths, `lost` may be below 0 (duplicates),
    `jitter` in RTP clock units, `last_report` the middle 32 bits of NTP time, `delay` in 65536ths of a second."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


def split(packet: bytes) -> list[Part] | None:
    """Take a compound packet apart; None if it is not RTCP from its first byte to its last (section A.2).

    A compound need not start with a report: RFC 5506 allows less, and readers send feedback alone.
    """
    parts = []
    offset, end = 0, len(packet)
    while offset < end:
        if end - offset < 4 or packet[offset] & 0xC0 != 0x80 or packet[offset + 1] not in _TYPES:
            return None
        size = 4 * (int.from_bytes(packet[offset + 2 : offset + 4], "big") + 1)
        if offset + size > end:
            return None
        parts.append(Part(packet[offset + 1], packet[offset] & 0x1F, packet[offset : offset + size]))
        offset += size
    return parts or None


def sender(part: Part) -> int | None:
    """Give the SSRC of who sent this packet; None if it is too short to say."""
    return int.from_bytes(part.data[4:8], "big") if len(part.data) >= 8 else None


def middle_ntp(part: Part) -> int | None:
    """Give the middle 32 bits of a sender report's NTP time, for LSR; None if it is too short."""
    return int.from_bytes(part.data[10:14], "big") if len(part.data) >= 28 else None


def sender_info(part: Part) -> SenderInfo | None:
    """Read what a sender report says of its sender; None if it is too short."""
    return SenderInfo(*_SENDER_INFO.unpack_from(part.data, 8)) if len(part.data) >= 28 else None


def report_blocks(part: Part) -> list[ReportBlock]:
    """Read the report blocks of a sender or receiver report; as many as are whole."""
    offset = {SENDER_REPORT: 28, RECEIVER_REPORT: 8}.get(part.kind)
    if offset is None:
        return []
    blocks = []
    for start in range(offset, offset + part.count * _BLOCK.size, _BLOCK.size):
        if start + _BLOCK.size > len(part.data):
            break
        ssrc, fraction, lost, *rest = _BLOCK.unpack_from(part.data, start)
        blocks.append(ReportBlock(ssrc, fraction, int.from_bytes(lost, "big", signed=True), *rest))
    return blocks


def asks_for_picture(part: Part) -> bool:
    """Tell feedback that asks for a whole picture: PLI (RFC 4585 section 6.3.1) or FIR (RFC 5104 section 4.3.1)."""
    return part.kind == PAYLOAD_FEEDBACK and part.count in (_PICTURE_LOSS, _FULL_INTRA_REQUEST) and len(part.data) >= 12


def receiver_report(ssrc: int, blocks: tuple[ReportBlock, ...], cname: str) -> bytes:
    """Make a compound of a receiver report and a source description with a CNAME, as section 6.1 asks of every one."""
    report = [_REPORT.pack(0x80 | len(blocks), RECEIVER_REPORT, 1 + 6 * len(blocks), ssrc)]
    for each in blocks:
        lost = max(-0x800000, min(0x7FFFFF, each.lost)).to_bytes(3, "big", signed=True)
        report.append(
            _BLOCK.pack(
                each.ssrc,
                each.fraction,
                lost,
                each.highest,
                min(each.jitter, 0xFFFFFFFF),
                each.last_report,
                min(each.delay, 0xFFFFFFFF),
            )
        )
    return b"".join(report) + _description(ssrc, cname)


def sender_report(ssrc: int, ntp: float, rtp_time: int, packets: int, octets: int, cname: str) -> bytes:
    """Make a compound of a sender report and a source description with a CNAME.

    `ntp` (Unix seconds) and `rtp_time` are the same instant; `octets` are payload's. Counts wrap (section 6.4.1).
    """
    seconds = int(ntp)
    report = _SENDER.pack(
        0x80,
        SENDER_REPORT,
        6,
        ssrc,
        (seconds + NTP_EPOCH_S) & 0xFFFFFFFF,
        int((ntp - seconds) * (1 << 32)),
        rtp_time & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    return report + _description(ssrc, cname)


def sender_time(part: Part) -> tuple[float, int] | None:
    """Give the instant that a sender report names, as Unix seconds and as RTP time; None if it is no report or too
    short. NTP time 0 says that the sender knows none (section 6.4.1)."""
    if part.kind != SENDER_REPORT or len(part.data) < 28:
        return None
    _, _, _, _, seconds, fraction, rtp_time, _, _ = _SENDER.unpack_from(part.data)
    if not seconds and not fraction:
        return None
    # Seconds of less than half the range are of the era that begins in 2036 (RFC 4330 section 3).
    era = 0 if seconds & 0x80000000 else 1 << 32
    return seconds + era - NTP_EPOCH_S + fraction / (1 << 32), rtp_time


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    item = bytes([_CNAME, len(name)]) + name
    item += bytes(4 - len(item) % 4)  # one zero byte at least ends the list of items
    return _REPORT.pack(0x81, SOURCE_DESCRIPTION, 1 + len(item) // 4, ssrc) + item


def goodbye(ssrc: int) -> bytes:
    """Make a compound that says that a source is gone (section 6.6), behind the report that section 6.1 asks for."""
    return _REPORT.pack(0x80, RECEIVER_REPORT, 1, ssrc) + _REPORT.pack(0x81, GOODBYE, 1, ssrc)
