"""Random-access points: with which RTP packets a decoder that has missed something may begin again.

Told by the payload's header alone. Any bytes are taken: what is cut off or broken is no access point.
"""

from collections.abc import Callable, Mapping

from workers.rtp.packet import payload_start

Test = Callable[[bytes, int], bool]
"""Tells whether the packet whose payload starts there begins an access point."""

_H264_IDR, _H264_SEI, _H264_SPS, _H264_STAP_A, _H264_FU_A = 5, 6, 7, 24, 28
_RECOVERY_POINT = 6
_H265_IRAP = range(16, 22)
_H265_VPS_SPS = (32, 33)
_H265_AP, _H265_FU = 48, 49
_START = 0x80
"""S of a fragment's header; also the first bit of a slice, set if it is the first of its picture: Exp-Golomb 0 of
H.264's first_mb_in_slice, H.265's first_slice_segment_in_pic_flag."""


def _h264_unit(packet: bytes, at: int, end: int) -> bool:
    """RFC 6184: the first slice of an IDR picture, or what goes before a picture to begin with: an SPS, or the SEI of a
    recovery point. The latter is all that there is with open groups of pictures, and where pictures are refreshed bit
    by bit."""
    kind = packet[at] & 0x1F
    if kind == _H264_SEI:
        return at + 1 < end and packet[at + 1] == _RECOVERY_POINT
    return kind == _H264_SPS or (kind == _H264_IDR and at + 1 < end and packet[at + 1] >= _START)


def _h264(packet: bytes, at: int) -> bool:
    kind, end = packet[at] & 0x1F, len(packet)
    if kind == _H264_STAP_A:
        return _any_unit(packet, at + 1, 1, _h264_unit)
    if kind == _H264_FU_A:
        if at + 2 >= end or packet[at + 1] < _START:
            return False
        whole = packet[at + 1] & 0x1F
        return whole == _H264_SPS or (whole == _H264_IDR and packet[at + 2] >= _START)
    return _h264_unit(packet, at, end)


def _h265_unit(packet: bytes, at: int, end: int) -> bool:
    """RFC 7798: the first slice of an IDR, BLA or CRA picture, or the parameter sets that go before one."""
    kind = packet[at] >> 1 & 0x3F
    return kind in _H265_VPS_SPS or (kind in _H265_IRAP and at + 2 < end and packet[at + 2] >= _START)


def _h265(packet: bytes, at: int) -> bool:
    kind, end = packet[at] >> 1 & 0x3F, len(packet)
    if kind == _H265_AP:
        return _any_unit(packet, at + 2, 2, _h265_unit)
    if kind == _H265_FU:
        if at + 3 >= end or packet[at + 2] < _START:
            return False
        whole = packet[at + 2] & 0x3F
        return whole in _H265_VPS_SPS or (whole in _H265_IRAP and packet[at + 3] >= _START)
    return _h265_unit(packet, at, end)


def _any_unit(packet: bytes, at: int, least: int, test: Callable[[bytes, int, int], bool]) -> bool:
    """Try the NAL units of an aggregation packet; each has its size in front of it, `least` bytes at least."""
    end = len(packet)
    while at + 2 + least <= end:
        size = packet[at] << 8 | packet[at + 1]
        at += 2
        if size < least or at + size > end:
            return False
        if test(packet, at, at + size):
            return True
        at += size
    return False


def _av1(packet: bytes, at: int) -> bool:
    """AV1 RTP payload format, section 4.4: N, the first packet of a coded video sequence."""
    return bool(packet[at] & 0x08)


def _vp8(packet: bytes, at: int) -> bool:
    """RFC 7741 sections 4.2 and 4.3: the start of partition 0 of a frame whose P bit is clear."""
    first, end = packet[at], len(packet)
    if first & 0x17 != 0x10:  # S, and PID 0
        return False
    at += 1
    if first & 0x80:
        if at >= end:
            return False
        extension = packet[at]
        at += 1
        if extension & 0x80:  # I: the picture's number, of two bytes if its first bit is set
            if at >= end:
                return False
            at += 2 if packet[at] & 0x80 else 1
        at += bool(extension & 0x40)  # L
        at += bool(extension & 0x30)  # T and K share a byte
    return at < end and not packet[at] & 0x01


def _vp9(packet: bytes, at: int) -> bool:
    """RFC 9628 section 4.2: the start (B) of a frame that no other predicts (P), in the lowest spatial layer.

    ffmpeg (libavformat/rtpenc_vp9.c, 5.1) never sets P: the frame's own header has the last word.
    """
    first, end = packet[at], len(packet)
    if first & 0x48 != 0x08:
        return False
    at += 1
    if first & 0x80:  # I
        if at >= end:
            return False
        at += 2 if packet[at] & 0x80 else 1
    if first & 0x20:  # L: TID, U, SID, D; and TL0PICIDX unless in flexible mode
        if at >= end or packet[at] & 0x0F:
            return False
        at += 1 if first & 0x10 else 2
    if first & 0x02:
        at = _after_vp9_structure(packet, at)
    return at < end and _is_vp9_key_frame(packet[at])


def _after_vp9_structure(packet: bytes, at: int) -> int:
    """Skip the scalability structure (V): the layers' sizes (Y), the pictures of a group (G) with their references."""
    end = len(packet)
    if at >= end:
        return end
    head = packet[at]
    at += 1 + (4 * ((head >> 5) + 1) if head & 0x10 else 0)
    if not head & 0x08 or at >= end:
        return at
    pictures = packet[at]
    at += 1
    for _ in range(pictures):
        if at >= end:
            return end
        at += 1 + (packet[at] >> 2 & 0x03)
    return at


def _is_vp9_key_frame(first: int) -> bool:
    """VP9 bitstream specification, section 6.2: frame marker, profile, show_existing_frame, frame_type; profile 3 has a
    reserved bit more."""
    flags = first >> 1 if first & 0x30 == 0x30 else first >> 2
    return first & 0xC0 == 0x80 and not flags & 0x03


_TESTS: dict[str, Test] = {"h264": _h264, "h265": _h265, "av1": _av1, "vp8": _vp8, "vp9": _vp9}
COMPANIONS = frozenset({"rtx", "ulpfec", "parityfec", "flexfec", "flexfec-03"})
"""Formats that repair another one, and carry no frames of their own (RFC 4588, 5109, 8627)."""


class AccessPoints:
    """Finds frames and access points in one track's packets, by what its description says of its payload types."""

    def __init__(self, encodings: Mapping[int, str]) -> None:
        """`encodings` are the names from rtpmap; "" where there is none."""
        names = {number: name.lower() for number, name in encodings.items()}
        self._tests = {number: _TESTS[name] for number, name in names.items() if name in _TESTS}
        self._companions = {number for number, name in names.items() if name in COMPANIONS}

    @property
    def awaited(self) -> bool:
        """Whether decoders of this track have to wait for an access point; if not, they may begin with any frame."""
        return bool(self._tests)

    def look(self, packet: bytes) -> tuple[int | None, bool]:
        """Give the timestamp that a packet's frame goes by, None if it is of none, and whether a decoder may begin with
        this packet. Frames of formats that aren't known here may be begun with any packet that is their first."""
        payload_type = packet[1] & 0x7F
        if payload_type in self._companions:
            return None, False
        timestamp = int.from_bytes(packet[4:8], "big")
        test = self._tests.get(payload_type)
        if test is None:
            return timestamp, True
        start = payload_start(packet)
        return timestamp, start is not None and start < len(packet) and test(packet, start)
