"""Parameter sets as cameras announce them, whole or not; what H.264 and H.265 have in common."""

from base64 import b64encode
from collections.abc import Callable

import pytest

from router.description import H264, H265
from tests.unit.router.description.formats.lines import read
from tests.unit.router.description.refusals import Refusals, check_refused

SPS, PPS = bytes.fromhex("6764000bacd9"), bytes.fromhex("68ebe3cb")
SPS_TEXT, PPS_TEXT = b64encode(SPS).decode(), b64encode(PPS).decode()

WRONG: Refusals = (
    ("H264: sps is b''", lambda: H264(payload_type=96, sps=b"")),
    ("H264: sps is", lambda: H264(payload_type=96, sps=PPS)),
    ("H264: sps is", lambda: H264(payload_type=96, sps=b"\0\0\0\1" + SPS)),
    ("H264: pps is", lambda: H264(payload_type=96, pps=b"\xe8" + PPS[1:])),  # the forbidden bit
    ("H264: pps is", lambda: H264(payload_type=96, pps=PPS[:3])),
    ("H264: pps is '", lambda: H264(payload_type=96, pps="68ebe3cb")),  # type: ignore[arg-type]  # what isn't typed
    ("the first one in pps", lambda: H264(payload_type=96, more_sets=[PPS])),
    ("H264: more_sets is", lambda: H264(payload_type=96, more_sets=[b"\x65abc"])),
    ("H264: more_sets is b''", lambda: H264(payload_type=96, more_sets=[b""])),
    ("H264: more_sets is", lambda: H264(payload_type=96, more_sets="ab")),  # type: ignore[arg-type]  # the same
    ("H265: vps is", lambda: H265(payload_type=96, vps=SPS)),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


@pytest.mark.parametrize(
    "text",
    [
        f"{SPS_TEXT},{PPS_TEXT}",
        f" {SPS_TEXT} , {PPS_TEXT} ",
        f"{PPS_TEXT},{SPS_TEXT}",
        f"{SPS_TEXT.rstrip('=')},{PPS_TEXT.rstrip('=')}",
        f"{SPS_TEXT},{PPS_TEXT},,junk!,AAAA",  # no base64, and no parameter set
        f"{b64encode(bytes(3) + bytes([1]) + SPS).decode()},{PPS_TEXT}",
        f"{b64encode(bytes(2) + bytes([1]) + SPS).decode()},{PPS_TEXT}",
        f"Z0I=,{SPS_TEXT},{PPS_TEXT}",  # a set that is cut off
    ],
)
def test_what_a_decoder_could_use_is_found(text: str) -> None:
    assert read("H264/90000", f"sprop-parameter-sets={text}") == H264(payload_type=96, sps=SPS, pps=PPS)


def test_more_sets_keep_their_order_of_types() -> None:
    extension = b"\x6f" + SPS[1:]
    second = PPS + b"\x01"
    format = H264(payload_type=96, sps=SPS, pps=PPS, more_sets=[second, extension])
    assert format.more_sets == (second, extension)
    assert read("H264/90000", format.fmtp) == format


def test_a_set_in_the_wrong_parameter_is_left_out() -> None:
    sps = bytes.fromhex("42010101")
    text = b64encode(sps).decode()
    assert read("H265/90000", f"sprop-vps={text};sprop-sps={text}") == H265(payload_type=96, sps=sps)
