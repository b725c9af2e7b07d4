"""Single differences; `tests/property/test_reconcile.py` has what they make of losses and doubles in any order."""

import pytest

from router.fleet.reconcile import DesiredMount, compare
from workers.contract.commands import CloseMount, RemoveReader, Respond
from workers.contract.messages import Command
from workers.contract.reports import MountReport, ReaderState, StateReport

WANTED = {"/a": DesiredMount(5, "p", {"r": True, "paused": False}, frozenset({"elsewhere"}))}


def mount(generation: int = 5, publisher: str = "p", *, path: str = "/a", **readers: bool) -> MountReport:
    states = tuple(ReaderState(session, "", playing, 0, 0) for session, playing in readers.items())
    return MountReport(path, generation, publisher, False, (), states)


def report(*mounts: MountReport, connections: tuple[str, ...] = ()) -> StateReport:
    return StateReport(mounts, connections, more=False)


@pytest.mark.parametrize(
    ("reported", "commands", "missing"),
    [
        (mount(r=True, paused=False), [], set()),
        (mount(r=True, paused=True), [], set()),  # its PAUSE may be on the way
        (mount(r=True, paused=False, elsewhere=False), [], set()),
        (mount(r=False, paused=False), [], {"r"}),
        (mount(r=True), [], {"paused"}),
        (mount(r=True, paused=False, stranger=True), [RemoveReader("/a", 5, "stranger")], set()),
        (mount(publisher="", r=True, paused=False), [], {"p"}),
        (mount(publisher="q", r=True, paused=False), [], {"p"}),
        (mount(generation=4), [CloseMount("/a", 4)], {"/a"}),
        (mount(generation=6), [CloseMount("/a", 6)], {"/a"}),
        (mount(path="/b"), [CloseMount("/b", 5)], {"/a"}),
    ],
)
def test_what_differs_is_undone_or_missing(reported: MountReport, commands: list[Command], missing: set[str]) -> None:
    difference = compare(WANTED, (), [report(reported)])
    assert (difference.commands, difference.missing) == (commands, missing)


def test_mounts_that_are_on_their_way_are_left_alone() -> None:
    difference = compare({}, (), [report(mount(generation=4))], undecided={"/a"})
    assert (difference.commands, difference.missing) == ([], set())


def test_connections_over_all_parts_of_a_report() -> None:
    parts = [report(connections=("a", "stranger")), report(connections=("b",))]
    difference = compare({}, ("a", "b", "gone"), parts)
    assert difference.commands == [Respond("stranger", b"", close=True)]
    assert difference.missing == {"gone"}
