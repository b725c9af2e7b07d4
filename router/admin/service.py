"""What administrators ask of a front, as they say it over the control socket: its status, and commands."""

import asyncio
import json
from collections.abc import Callable
from typing import assert_never

from router.admin.commands import AdminCommands
from router.connections.table import Connections
from router.fleet.fleet import Fleet
from router.link.workers import Asked
from router.requests.pipeline import RequestPipeline
from router.settings import Settings
from router.state.mounts import Mounts
from router.state.sessions import Sessions
from router.status.document import compose
from workers.contract.administration import AdminCommand, StatusAnswer, StatusQuery
from workers.contract.messages import Message


class AdminService:
    """Serves administrators."""

    def __init__(
        self,
        settings: Settings,
        fleet: Fleet,
        connections: Connections,
        sessions: Sessions,
        mounts: Mounts,
        dispatcher: RequestPipeline,
        commands: AdminCommands,
    ) -> None:
        self._settings = settings
        self._fleet = fleet
        self._connections = connections
        self._sessions = sessions
        self._mounts = mounts
        self._dispatcher = dispatcher
        self._commands = commands
        self._started = 0.0

    def begin(self) -> None:
        """Take note of when the front began."""
        self._started = asyncio.get_running_loop().time()

    async def serve(self, message: Asked, answer: Callable[[Message], None]) -> None:
        """Do what was asked; `answer` sends to whoever asked."""
        match message:
            case StatusQuery():
                answer(StatusAnswer(json.dumps(await self._status())))
            case AdminCommand():
                await self._commands.carry_out(message, answer)
            case _:
                assert_never(message)

    async def _status(self) -> object:
        reports = await self._fleet.reports()
        return compose(
            now=asyncio.get_running_loop().time(),
            started=self._started,
            worker_count=self._settings.worker_count,
            link=self._fleet.link,
            deaths=self._fleet.deaths,
            connections=self._connections,
            sessions=self._sessions,
            mounts=self._mounts,
            counts=self._dispatcher.counts,
            reports=reports,
        )
