"""What administrators ask of a front, as they say it over the control socket: its status, and commands."""

from collections.abc import Callable
from typing import assert_never

from router.admin.commands import AdminCommands
from router.link.workers import Asked
from router.status.document import StatusDocument
from workers.contract.administration import AdminCommand, StatusAnswer, StatusQuery
from workers.contract.messages import Message


class AdminService:
    """Serves administrators."""

    def __init__(self, document: StatusDocument, commands: AdminCommands) -> None:
        self._document = document
        self._commands = commands

    async def serve(self, message: Asked, answer: Callable[[Message], None]) -> None:
        """Do what was asked; `answer` sends to whoever asked."""
        match message:
            case StatusQuery():
                answer(StatusAnswer(self._document.text()))
            case AdminCommand():
                await self._commands.carry_out(message, answer)
            case _:
                assert_never(message)
