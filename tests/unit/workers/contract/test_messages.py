"""The lists of messages are whole: one that is in no list could not be sent."""

from dataclasses import is_dataclass
from types import ModuleType
from typing import Any, get_args

import pytest

from workers.contract import administration, commands, events, messages, replies

REPORTED = {"StateReport"}
"""A reply with a module of its own."""


def classes_of(module: ModuleType) -> set[str]:
    """Name the messages that a module defines."""
    return {
        name
        for name, each in vars(module).items()
        if is_dataclass(each) and vars(each)["__module__"] == module.__name__
    }


@pytest.mark.parametrize(
    ("module", "listed"),
    [
        (commands, messages.Command),
        (events, messages.Event),
        (replies, messages.Reply),
        (administration, messages.Administration),
    ],
)
def test_every_message_of_a_module_is_in_its_list(module: ModuleType, listed: Any) -> None:
    assert {each.__name__ for each in get_args(listed)} - REPORTED == classes_of(module)


def test_a_name_on_the_wire_means_one_message() -> None:
    names = [each.__name__ for each in get_args(messages.Message)]
    assert len(names) == len(set(names))
    lists = (messages.Command, messages.Reply, messages.Event, messages.Administration)
    assert len(names) == sum(len(get_args(each)) for each in lists)
