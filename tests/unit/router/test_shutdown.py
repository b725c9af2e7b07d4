"""Both ends of a front: with leave taken of everybody, or without a trace."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from router.settings import Settings
from router.shutdown import FrontShutdown


class Client:
    def __init__(self, said: list[str], *, held_here: bool = True) -> None:
        self._said, self.held_here = said, held_here

    def close(self) -> None:
        self._said.append("close")

    def abort(self, reason: str) -> None:
        self._said.append(f"abort: {reason}")

    def let_be(self) -> None:
        self._said.append("let be")

    async def served(self) -> None:
        self._said.append("served")


class Connections(list[Client]):
    stays = False

    async def wait_empty(self) -> None:
        if self.stays:
            await asyncio.Event().wait()
        self.clear()


class Scene:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.connections = Connections([Client(self.said), Client(self.said, held_here=False)])
        say = self.said.append
        state = SimpleNamespace(
            connections=self.connections,
            lifecycle=SimpleNamespace(close_all=lambda reason: say(f"sessions: {reason}")),
            settings=Settings(stop_timeout_s=0.02),
        )
        listeners = SimpleNamespace(release=lambda: say("release"))
        fleet = SimpleNamespace(listeners=SimpleNamespace(share=lambda shared: say(f"share {shared}")))
        handlers = SimpleNamespace(settle=self._settle)
        self.hangs = False
        self.shutdown = FrontShutdown(cast(Any, state), cast(Any, listeners), cast(Any, fleet), cast(Any, handlers))

    async def _settle(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.said.append("settle")


def test_nobody_comes_in_before_everybody_is_told() -> None:
    scene = Scene()
    asyncio.run(scene.shutdown.end_sessions())
    assert scene.said == [
        "release", "share {}", "sessions: the server stops", "close", "close", "settle", "settle",
    ]  # fmt: skip


def test_who_does_not_go_is_cut_off() -> None:
    scene = Scene()
    scene.connections.stays = True
    asyncio.run(scene.shutdown.end_sessions())
    assert scene.said[-2:] == ["abort: the server stops"] * 2


def test_a_handler_that_hangs_does_not_hold_up_the_end() -> None:
    scene = Scene()
    scene.hangs = True
    asyncio.run(scene.shutdown.end_sessions())
    assert "abort: the server stops" in scene.said


def test_sessions_that_workers_hold_are_left_to_the_next_front() -> None:
    scene = Scene()
    asyncio.run(scene.shutdown.leave_sessions())
    assert scene.said == ["release", "served", "served", "abort: the front is started again", "let be", "settle"]
    assert not any("share" in each for each in scene.said), "workers keep the listening sockets"
