"""PLAY and RECORD."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.link.placement import Placement, held
from router.link.worker import Worker
from router.requests.exchange import Exchange
from router.requests.start import PlayMethod, passed_range
from router.rtsp.session_state import SessionState


@pytest.mark.parametrize(
    ("value", "passed"), [(None, None), ("npt=0-", "npt=0-"), ("npt=5.5-7", "npt=5.5-7"), ("nonsense", None)]
)
def test_readers_get_a_publishers_range_where_it_can_be_read(value: str | None, passed: str | None) -> None:
    assert passed_range(value) == passed


def test_a_mount_stays_where_it_is_while_its_tap_is_settled() -> None:
    """A tap tells the mount's worker what the program wants to hear: a move waits for that."""

    async def program() -> None:
        placement = Placement(cast(Worker, SimpleNamespace(is_lost=False)))
        stayed: list[bool] = []

        async def settle() -> bool:
            try:
                async with held([placement], 0.01):
                    stayed.append(False)
            except TimeoutError:
                stayed.append(True)
            return True

        mount = SimpleNamespace(placement=placement, path="/cam")
        session = cast(Any, SimpleNamespace(mount=mount, state=SessionState.READY))
        taps = cast(Any, SimpleNamespace(get=lambda mount: SimpleNamespace(settle=settle)))
        await PlayMethod(cast(Any, None), taps)._settle_tap(session, cast(Exchange, None))
        assert stayed == [True]

    asyncio.run(program())
