"""Who asks for a session's figures is answered, whatever becomes of its worker."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from router.handlers.session_stats import SessionStats, ask_stats
from router.link.placement import Placement
from router.link.worker import Worker


def test_nobody_waits_for_the_figures_of_a_mount_that_closes_before_another_worker_takes_it() -> None:
    async def program() -> None:
        placement = Placement(cast(Worker, SimpleNamespace(index=0, is_lost=True)))
        place = SimpleNamespace(path="/cam", placement=placement)
        placement.lost()
        asked = asyncio.create_task(ask_stats(cast(Any, SimpleNamespace(mount=place, place=place))))
        await asyncio.sleep(0)
        assert not asked.done()
        placement.close()
        async with asyncio.timeout(1.0):
            assert await asked == SessionStats()

    asyncio.run(program())
