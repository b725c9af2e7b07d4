"""Workers that are a server's own, and can't start: the start fails, and says why."""

import asyncio
import sys

import pytest

from router import Server, StartError
from router.programs import own_workers

TIMEOUT_S = 30.0


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise SystemExit(3)", "worker 0 can't start: exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "worker 0 can't start: SIGKILL"),
    ],
    ids=["ends", "is killed again and again"],
)
def test_a_server_whose_workers_end_at_once_does_not_start(
    monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    monkeypatch.setattr(own_workers, "worker_command", lambda *_, **__: (sys.executable, "-c", source))

    async def start() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await Server(publish_port=0, client_port=0, workers=1).start()

    with pytest.raises(StartError, match=why):
        asyncio.run(start())
