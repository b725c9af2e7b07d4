"""RTP packets as a router sees them."""

import pytest

from workers.rtp.packet import VERSION_2, is_punch, payload_bytes, second_bytes

HEADER = b"\x80\x60" + bytes(10)


@pytest.mark.parametrize(
    ("packet", "length"),
    [
        (b"", None),
        (HEADER[:11], None),
        (b"\x40" + HEADER[1:], None),
        (HEADER, 0),
        (HEADER + b"12345", 5),
        (b"\x82\x60" + bytes(18), 0),
        (b"\x82\x60" + bytes(17), None),
        (b"\x82\x60" + bytes(18) + b"x", 1),
        (b"\x90\x60" + bytes(10) + b"\xbe\xde\x00\x01" + bytes(4) + b"xy", 2),
        (b"\x90\x60" + bytes(10) + b"\xbe\xde\x00\x02" + bytes(4), None),
        (b"\x90\x60" + bytes(10) + b"\xbe", None),
        (b"\xa0\x60" + bytes(10) + b"ab\x00\x02", 2),
        (b"\xa0\x60" + bytes(10) + b"\x05", None),
    ],
)
def test_payload_is_what_follows_header_csrcs_and_extension(packet: bytes, length: int | None) -> None:
    assert payload_bytes(packet) == length


@pytest.mark.parametrize(
    ("packet", "expected"),
    [(b"\x80" + bytes(11), True), (b"\xce\xfa\xed\xfe", True), (HEADER + b"x", False), (b"\xce\xfa\xed", False)],
)
def test_punches_are_packets_that_carry_nothing(packet: bytes, expected: bool) -> None:
    assert is_punch(packet) is expected


def test_header_bytes_can_be_judged_by_translate() -> None:
    assert b"\x80\xbf\x90".translate(None, VERSION_2) == b""
    assert b"\x80\x40\xc0".translate(None, VERSION_2) == b"\x40\xc0"
    assert sorted(second_bytes((96, 0))) == [0, 96, 128, 224]
