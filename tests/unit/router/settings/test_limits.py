"""Every limit at its bounds and one past them."""

import pytest
from pydantic import ValidationError

from router.settings.limits import Limits
from workers.contract.parts import MAX_TRACKS

BOUNDS = {
    "connections": (1, 1_000_000),
    "connections_per_host": (0, 1_000_000),
    "sessions": (1, 1_000_000),
    "sessions_per_connection": (1, 1_000_000),
    "max_readers": (1, 1_000_000),
    "max_readers_per_mount": (0, 1_000_000),
    "mounts": (1, 1_000_000),
    "line_bytes": (256, 1_048_576),
    "head_bytes": (256, 1_048_576),
    "headers": (10, 10_000),
    "body_bytes": (256, 1_048_576),
    "pipelined_requests": (1, 10_000),
    "tracks": (1, MAX_TRACKS),
}


def test_every_limit_is_in_the_table() -> None:
    assert set(BOUNDS) == set(Limits.model_fields)


@pytest.mark.parametrize(("name", "least", "most"), [(name, *bounds) for name, bounds in BOUNDS.items()])
def test_limits_have_limits(name: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(Limits(**{name: value}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValidationError, match="or equal to"):
            Limits(**{name: value})


def test_a_connections_bytes_are_bounded_the_same_on_front_and_worker() -> None:
    framing = Limits(line_bytes=300, head_bytes=400, body_bytes=500).framing
    assert (framing.line_bytes, framing.head_bytes, framing.body_bytes) == (300, 400, 500)
