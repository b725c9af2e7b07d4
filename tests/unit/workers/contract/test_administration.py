"""What is asked and answered for people, at its limits."""

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.administration import AdminAnswer, AdminCommand
from workers.contract.codec import UnreadableMessage
from workers.contract.messages import Administration


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (AdminCommand("v" * 128, ()), AdminCommand("v" * 129, ())),
        (AdminCommand("move", ("a" * 2048,) * 16), AdminCommand("move", ("a",) * 17)),
        (AdminCommand("move", ("a" * 2048,)), AdminCommand("move", ("a" * 2049,))),
        (AdminAnswer(True, "t" * 1024 * 1024), AdminAnswer(True, "t" * (1024 * 1024 + 1))),
        (AdminAnswer(False, ""), AdminAnswer(0, "")),  # type: ignore[arg-type]  # a stranger's
    ],
    ids=lambda each: type(each).__name__,
)
def test_at_its_limit_it_arrives_and_one_past_it_does_not(limit: Administration, past: Administration) -> None:
    assert arrived(limit) == limit
    with pytest.raises(UnreadableMessage):
        arrived(past)


def test_an_answer_is_the_last_one_unless_it_says_more() -> None:
    assert not AdminAnswer(True, "moved").more
