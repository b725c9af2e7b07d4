"""The answering side: the commands that a front knows, and how one is carried out."""

import asyncio
from collections.abc import Callable, Mapping

from router.fleet.operations import Operation, OperationRefused
from router.logs import get_logger
from workers.contract.administration import AdminAnswer, AdminCommand

log = get_logger(__name__)

AT_IT_S = 1.0
"""How often whoever waits is told that the front is still at it: a dead front must not be waited for."""


class AdminCommands:
    """The verbs that this front knows, and how a command is carried out."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations

    async def carry_out(self, command: AdminCommand, answer: Callable[[AdminAnswer], None]) -> None:
        """Do what a command says; `answer` gets lines of progress, and the outcome last."""
        operation = self._operations.get(command.verb)
        if operation is None:
            known = ", ".join(sorted(self._operations))
            answer(AdminAnswer(False, f"this front does not know {command.verb!r}, only {known}: is it older?"))
            return
        log.info("command taken", verb=command.verb, arguments=" ".join(command.arguments))
        alive = asyncio.create_task(_say_alive(answer))
        try:
            outcome = AdminAnswer(True, await operation(command.arguments, lambda line: answer(_progress(line))))
        except OperationRefused as error:
            outcome = AdminAnswer(False, str(error))
        except Exception as error:  # a defect of ours: whoever waits has to hear of it too
            log.error("command failed", verb=command.verb, exc_info=True)
            outcome = AdminAnswer(False, f"{command.verb} failed: {type(error).__name__}: {error}; see the front's log")
        finally:
            alive.cancel()
        log.info("command done" if outcome.ok else "command refused", verb=command.verb, outcome=outcome.text)
        answer(outcome)


def _progress(line: str) -> AdminAnswer:
    return AdminAnswer(True, line, more=True)


async def _say_alive(answer: Callable[[AdminAnswer], None]) -> None:
    while True:
        await asyncio.sleep(AT_IT_S)
        answer(_progress(""))
