"""With which packets a decoder may begin: hand-made ones, from the payload formats' own figures."""

import pytest

from workers.rtp.access_points import AccessPoints

HEADER = bytes([0x80, 96, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4])


def _units(*units: bytes) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in units)


SPS, PPS, SEI = b"\x67\x42\xc0\x1e", b"\x68\xce\x38\x80", b"\x06\x05\x01\x00"
RECOVERY_POINT = b"\x06\x06\x01\xc4\x80"
IDR, IDR_SECOND_SLICE, SLICE = b"\x65\x88\x84", b"\x65\x10\x84", b"\x41\x9a\x24"
VPS5, SPS5, PPS5 = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0"
IDR5, CRA5, IDR5_SECOND_SLICE, TRAIL5 = b"\x26\x01\xaf", b"\x2a\x01\xaf", b"\x26\x01\x20", b"\x02\x01\xd0"

CASES = [
    ("H264", SPS, True),
    ("H264", IDR, True),
    ("h264", IDR, True),
    ("H264", IDR_SECOND_SLICE, False),
    ("H264", SLICE, False),
    ("H264", PPS, False),
    ("H264", SEI, False),
    ("H264", RECOVERY_POINT, True),
    ("H264", b"\x06", False),
    ("H264", b"\x78" + _units(SPS, PPS), True),
    ("H264", b"\x78" + _units(SEI, IDR), True),
    ("H264", b"\x78" + _units(SEI, SLICE), False),
    ("H264", b"\x78" + _units(SEI) + b"\xff\xff" + SPS, False),
    ("H264", b"\x78\x00\x00" + _units(SPS), False),
    ("H264", b"\x7c\x85\x88\x84", True),
    ("H264", b"\x7c\x85\x10\x84", False),
    ("H264", b"\x7c\x05\x88\x84", False),
    ("H264", b"\x7c\x45\x88\x84", False),
    ("H264", b"\x7c\x81\x9a\x24", False),
    ("H264", b"\x7c\x87\x42\xc0", True),
    ("H264", b"\x7c\x85", False),
    ("H264", b"\x65", False),
    ("H264", b"", False),
    ("H265", VPS5, True),
    ("H265", SPS5, True),
    ("H265", PPS5, False),
    ("H265", IDR5, True),
    ("H265", CRA5, True),
    ("H265", IDR5_SECOND_SLICE, False),
    ("H265", TRAIL5, False),
    ("H265", b"\x60\x01" + _units(VPS5, SPS5, PPS5), True),
    ("H265", b"\x60\x01" + _units(b"\x4e\x01\x05", IDR5), True),
    ("H265", b"\x60\x01" + _units(TRAIL5, TRAIL5), False),
    ("H265", b"\x62\x01\x93\xaf", True),
    ("H265", b"\x62\x01\x95\xaf", True),
    ("H265", b"\x62\x01\x93\x20", False),
    ("H265", b"\x62\x01\x13\xaf", False),
    ("H265", b"\x62\x01\x81\xd0", False),
    ("H265", b"\x62\x01\x93", False),
    ("H265", b"\x26\x01", False),
    ("AV1", b"\x18\x0a\x0b", True),
    ("AV1", b"\x10\x32\x0b", False),
    ("AV1", b"\x90\x32\x0b", False),
    ("VP8", b"\x10\x10\x02\x00\x9d\x01\x2a", True),
    ("VP8", b"\x10\x11\x02\x00", False),
    ("VP8", b"\x00\x10\x02\x00", False),
    ("VP8", b"\x11\x10\x02\x00", False),
    ("VP8", b"\x90\x80\x12\x10", True),
    ("VP8", b"\x90\x80\x92\x34\x10", True),
    ("VP8", b"\x90\xf0\x92\x34\x07\x20\x10", True),
    ("VP8", b"\x90\xf0\x92\x34\x07\x20\x11", False),
    ("VP8", b"\x90\x80\x92", False),
    ("VP8", b"\x90\x80", False),
    ("VP8", b"\x90", False),
    ("VP8", b"\x10", False),
    ("VP9", b"\x08\x82\x49", True),
    ("VP9", b"\x88\x12\x82\x49", True),
    ("VP9", b"\x88\x92\x34\x82\x49", True),
    ("VP9", b"\x48\x82\x49", False),
    ("VP9", b"\x04\x82\x49", False),
    ("VP9", b"\x08\x86\x49", False),
    ("VP9", b"\x08\x8a\x49", False),
    ("VP9", b"\x08\x42\x49", False),
    ("VP9", b"\x08\xb1\x49", True),
    ("VP9", b"\x08\xb2\x49", False),
    ("VP9", b"\x0a\x18\x01\x40\x00\xf0\x02\x00\x04\x01\x82\x49", True),
    ("VP9", b"\x0a\x18\x01\x40\x00\xf0\x02\x00\x04\x01\x86\x49", False),
    ("VP9", b"\x0a\x18\x01\x40\x00\xf0\xff\x00\x04\x01\x82\x49", False),
    ("VP9", b"\x0a", False),
    ("VP9", b"\xb8\x12\x20\x82", True),
    ("VP9", b"\xa8\x12\x20\x00\x82", True),
    ("VP9", b"\xa8\x12\x23\x00\x82", False),
    ("VP9", b"\xa8\x12", False),
    ("VP9", b"\x88", False),
]


@pytest.mark.parametrize(("encoding", "payload", "expected"), CASES)
def test_access_points_are_known_by_the_payloads_header(encoding: str, payload: bytes, expected: bool) -> None:
    assert AccessPoints({96: encoding}).look(HEADER + payload) == (9, expected)


def test_the_payload_is_found_behind_csrcs_and_extensions() -> None:
    points = AccessPoints({96: "H264"})
    head = bytes([0x92]) + HEADER[1:] + bytes(8) + b"\xbe\xde\x00\x01" + bytes(4)
    assert points.look(head + IDR) == (9, True)
    assert points.look(head + SLICE) == (9, False)
    assert points.look(head[:-4]) == (9, False)


def test_any_first_packet_of_a_frame_will_do_for_formats_that_are_not_known() -> None:
    points = AccessPoints({96: "", 97: "JPEG"})
    assert not points.awaited
    assert points.look(HEADER + b"anything") == (9, True)


def test_packets_that_repair_others_belong_to_no_frame() -> None:
    points = AccessPoints({96: "VP8", 97: "rtx"})
    assert points.awaited
    assert points.look(bytes([0x80, 97]) + HEADER[2:] + b"\x00\x01\x10\x10") == (None, False)
