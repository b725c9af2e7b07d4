"""What the load announces."""

from router.bench.handshake import describe_stream
from router.bench.stream import CLOCK_RATE, PAYLOAD_TYPE
from router.rtsp.sdp import parse_sdp


def test_the_description_is_of_the_synthetic_stream() -> None:
    (media,) = parse_sdp(describe_stream("/bench-1-"), 1).medias
    assert (media.clock_rates, media.control) == ({PAYLOAD_TYPE: CLOCK_RATE}, "streamid=0")
