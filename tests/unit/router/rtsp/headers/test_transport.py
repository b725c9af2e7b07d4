"""The Transport header, as clients and servers write it."""

import pytest

from router.rtsp.errors import LocalError, PeerError
from router.rtsp.headers.transport import MAX_SPECS, TransportSpec, parse_transports
from router.rtsp.headers.transport import format as write
from tests.unit.router.rtsp.headers.cases import BAD_TRANSPORTS, TRANSPORTS


@pytest.mark.parametrize(("value", "specs", "written"), TRANSPORTS)
def test_transports_are_read_and_written(value: str, specs: tuple[TransportSpec, ...], written: str) -> None:
    assert parse_transports(value) == specs
    assert ",".join(write(spec) for spec in specs) == written
    if specs:
        assert parse_transports(written) == specs


@pytest.mark.parametrize("value", BAD_TRANSPORTS)
def test_broken_transports_are_the_peers_fault(value: str) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_transports(value)
    assert refusal.value.status == 400


def test_offers_are_limited_at_the_limit_and_one_past_it() -> None:
    assert len(parse_transports(",".join(["RTP/AVP"] * MAX_SPECS))) == MAX_SPECS
    with pytest.raises(PeerError):
        parse_transports(",".join(["RTP/AVP"] * (MAX_SPECS + 1)))


@pytest.mark.parametrize(
    "spec", [TransportSpec(source="h;mode=record"), TransportSpec(destination="a\r\nb"), TransportSpec(mode='a"')]
)
def test_values_that_would_break_the_header_are_our_own_fault(spec: TransportSpec) -> None:
    with pytest.raises(LocalError):
        write(spec)
