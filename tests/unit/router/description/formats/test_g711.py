"""G.711 under its static payload types and others (RFC 3551)."""

from collections.abc import Callable

import pytest

from router.description import G711
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("PCMA/8000, or a dynamic", lambda: G711(payload_type=8, mu_law=True)),
    ("PCMU/8000, or a dynamic", lambda: G711(payload_type=0, mu_law=True, channels=2)),
    ("PCMU/8000, or a dynamic", lambda: read("PCMU/16000", kind="audio", payload_type=0)),
    ("mu_law is 1", lambda: G711(payload_type=0, mu_law=1)),  # type: ignore[arg-type]  # what isn't typed
    ("channels are '256'", lambda: read("PCMU/8000/256", kind="audio")),
    ("channels are '0'", lambda: read("PCMU/8000/0", kind="audio")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_both_laws_both_ways() -> None:
    check_both_ways(G711(payload_type=0, mu_law=True), "PCMU/8000", None, kind="audio")
    check_both_ways(G711(payload_type=8, mu_law=False), "PCMA/8000", None, kind="audio")
    many = G711(payload_type=97, mu_law=False, sample_rate=16_000, channels=255)
    check_both_ways(many, "PCMA/16000/255", None, kind="audio")
    assert read("pcmu/8000/1", kind="audio", payload_type=0) == G711(payload_type=0, mu_law=True)
