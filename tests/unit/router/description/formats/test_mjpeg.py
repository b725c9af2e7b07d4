"""Motion JPEG has one payload type of its own, and may have others."""

import pytest

from router.description import MJPEG
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import check_refused


@pytest.mark.parametrize("payload_type", [26, 96])
def test_it_is_written_with_its_rtpmap(payload_type: int) -> None:
    check_both_ways(MJPEG(payload_type=payload_type), "JPEG/90000", None)


def test_its_static_payload_type_is_no_other_encodings() -> None:
    check_refused("payload type 27; allowed: 26, 96 to 127", lambda: MJPEG(payload_type=27))
    check_refused("the clock rate is 1000 Hz", lambda: read("JPEG/1000", payload_type=26))
