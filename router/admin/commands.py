"""The answering side: the orders that a front knows, and how one is carried out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from router.logs import get_logger
from workers.contract.administration import AdminAnswer, AdminCommand

log = get_logger(__name__)

AT_IT_S = 1.0
"""How often whoever waits is told that the front is still at it: a dead front must not be waited for."""

Say = Callable[[str], None]
"""Tells whoever waits one line of progress."""
Order = Callable[[Sequence[str], Say], Awaitable[str]]
"""Carries out one verb with its arguments; gives what to say at the end, or raises OrderRefused."""


class OrderRefused(Exception):
    """An order was not carried out; the text says what happened and what helps."""


class AdminCommands:
    """The verbs that this front knows: one registry, which each part adds its own to."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}

    def add(self, verb: str, order: Order) -> None:
        """Make a verb known."""
        assert verb not in self._orders, verb
        self._orders[verb] = order

    async def carry_out(self, command: AdminCommand, answer: Callable[[AdminAnswer], None]) -> None:
        """Do what was ordered; `answer` gets lines of progress, and the outcome last."""
        order = self._orders.get(command.verb)
        if order is None:
            known = ", ".join(sorted(self._orders))
            answer(AdminAnswer(False, f"this front does not know {command.verb!r}, only {known}: is it older?"))
            return
        log.info("order taken", verb=command.verb, arguments=" ".join(command.arguments))
        alive = asyncio.create_task(_say_alive(answer))
        try:
            outcome = AdminAnswer(True, await order(command.arguments, lambda line: answer(_progress(line))))
        except OrderRefused as error:
            outcome = AdminAnswer(False, str(error))
        except Exception as error:  # a defect of ours: whoever waits has to hear of it too
            log.error("order failed", verb=command.verb, exc_info=True)
            outcome = AdminAnswer(False, f"{command.verb} failed: {type(error).__name__}: {error}; see the front's log")
        finally:
            alive.cancel()
        log.info("order done" if outcome.ok else "order refused", verb=command.verb, outcome=outcome.text)
        answer(outcome)


def _progress(line: str) -> AdminAnswer:
    return AdminAnswer(True, line, more=True)


async def _say_alive(answer: Callable[[AdminAnswer], None]) -> None:
    while True:
        await asyncio.sleep(AT_IT_S)
        answer(_progress(""))
