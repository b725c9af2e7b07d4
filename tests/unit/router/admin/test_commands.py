"""Commands: known ones are carried out, all are answered."""

import asyncio
from collections.abc import Sequence

import pytest

from router.admin.commands import AdminCommands
from router.fleet.draining import Say
from router.fleet.operations import OperationRefused
from workers.contract.administration import AdminAnswer, AdminCommand


async def work(arguments: Sequence[str], say: Say) -> str:
    match arguments:
        case ["no"]:
            raise OperationRefused("not today; ask tomorrow")
        case ["break"]:
            raise KeyError("defect")
    for each in arguments:
        say(f"at {each}")
    return "done"


@pytest.mark.parametrize(
    ("verb", "arguments", "answers"),
    [
        (
            "work",
            ("a", "b"),
            [AdminAnswer(True, "at a", True), AdminAnswer(True, "at b", True), AdminAnswer(True, "done")],
        ),
        ("work", ("no",), [AdminAnswer(False, "not today; ask tomorrow")]),
        ("work", ("break",), [AdminAnswer(False, "work failed: KeyError: 'defect'; see the front's log")]),
        ("rest", (), [AdminAnswer(False, "this front does not know 'rest', only work: is it older?")]),
    ],
)
def test_every_command_is_answered(verb: str, arguments: tuple[str, ...], answers: list[AdminAnswer]) -> None:
    heard: list[AdminAnswer] = []
    asyncio.run(AdminCommands({"work": work}).carry_out(AdminCommand(verb, arguments), heard.append))
    assert heard == answers
