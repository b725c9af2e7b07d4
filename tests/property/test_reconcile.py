"""Whatever gets lost, doubled or reordered on the way to a worker, reconciling makes both sides agree."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.fleet.reconcile import DesiredMount, Difference, compare
from workers.contract.commands import CloseMount, OpenMount, RemoveReader, Respond, SetUpReader
from workers.contract.messages import Command
from workers.contract.parts import TrackTransport, UdpTransport
from workers.contract.reports import MountReport, ReaderState, StateReport

PATHS = ("/a", "/b")
READERS = ("r1", "r2")
CONNECTIONS = ("c1", "c2")


@dataclass
class ModelWorker:
    """A worker as far as its contract goes: idempotent under (path, generation)."""

    mounts: dict[str, tuple[int, set[str]]] = field(default_factory=dict)
    connections: set[str] = field(default_factory=set)

    def execute(self, command: Command) -> None:
        match command:
            case OpenMount(path, generation):
                if path not in self.mounts or self.mounts[path][0] < generation:
                    self.mounts[path] = (generation, set())
            case CloseMount(path, generation):
                if path in self.mounts and self.mounts[path][0] <= generation:
                    del self.mounts[path]
            case SetUpReader(path, generation, session):
                if path in self.mounts and self.mounts[path][0] == generation:
                    self.mounts[path][1].add(session)
            case RemoveReader(path, generation, session):
                if path in self.mounts and self.mounts[path][0] == generation:
                    self.mounts[path][1].discard(session)
            case Respond(connection, close=True):
                self.connections.discard(connection)

    def report(self) -> StateReport:
        return StateReport(
            tuple(
                MountReport(
                    path, generation, "", False, (), tuple(ReaderState(each, "", True, 0, 0) for each in readers)
                )
                for path, (generation, readers) in self.mounts.items()
            ),
            tuple(self.connections),
            more=False,
        )


def commands() -> st.SearchStrategy[Command]:
    path, generation = st.sampled_from(PATHS), st.integers(1, 3)
    transport = TrackTransport(0, UdpTransport("127.0.0.1", 1, 2))
    return st.one_of(
        st.builds(lambda p, g: OpenMount(p, g, ()), path, generation),
        st.builds(CloseMount, path, generation),
        st.builds(lambda p, g, s: SetUpReader(p, g, s, transport), path, generation, st.sampled_from(READERS)),
        st.builds(RemoveReader, path, generation, st.sampled_from(READERS)),
    )


@given(
    delivered=st.lists(commands(), max_size=12),
    connections=st.sets(st.sampled_from(CONNECTIONS)),
    desired=st.dictionaries(
        st.sampled_from(PATHS),
        st.builds(
            DesiredMount,
            st.integers(1, 3),
            st.just(""),
            st.dictionaries(st.sampled_from(READERS), st.just(False)),
        ),
    ),
    wanted_connections=st.sets(st.sampled_from(CONNECTIONS)),
)
def test_one_round_makes_both_sides_agree(
    delivered: list[Command],
    connections: set[str],
    desired: dict[str, DesiredMount],
    wanted_connections: set[str],
) -> None:
    worker = ModelWorker(connections=set(connections))
    for command in delivered:
        worker.execute(command)
    difference = compare(desired, wanted_connections, [worker.report()])
    for command in difference.commands * 2:  # doubled on the way, too
        worker.execute(command)
    left = {
        path: (mount.generation, mount.readers.keys() - difference.missing)
        for path, mount in desired.items()
        if path not in difference.missing
    }
    # A reader's id stands for one session in one mount; the model uses them in both.
    assert {path: (each[0], each[1] - difference.missing) for path, each in worker.mounts.items()} == left
    assert worker.connections == wanted_connections - difference.missing


@given(
    desired=st.dictionaries(
        st.sampled_from(PATHS), st.builds(DesiredMount, st.integers(1, 3), st.just(""), st.just({"r1": False}))
    )
)
def test_agreement_needs_nothing(desired: dict[str, DesiredMount]) -> None:
    worker = ModelWorker({path: (mount.generation, set(mount.readers)) for path, mount in desired.items()}, {"c1"})
    assert compare(desired, {"c1"}, [worker.report()]) == Difference()


def state(publisher: str, playing: bool) -> StateReport:
    reader = ReaderState("r1", "c1", playing, 0, 0)
    return StateReport((MountReport("/a", 1, publisher, False, (), (reader,)),), (), more=False)


@pytest.mark.parametrize(
    ("wanted", "reported", "missing"),
    [
        (DesiredMount(1, "p", {"r1": True}), state("p", playing=True), set()),
        (DesiredMount(1, "p", {"r1": True}), state("p", playing=False), {"r1"}),
        (DesiredMount(1, "p", {"r1": True}), state("", playing=True), {"p"}),
        (DesiredMount(1, "p", {"r1": True, "r2": False}), state("p", playing=True), {"r2"}),
        (DesiredMount(1, "", {"r1": False}), state("p", playing=True), set()),
        (DesiredMount(1, "p", {}, frozenset({"r1", "r2"})), state("p", playing=False), set()),
    ],
)
def test_what_a_worker_has_not_is_missing(wanted: DesiredMount, reported: StateReport, missing: set[str]) -> None:
    assert compare({"/a": wanted}, (), [reported]).missing == missing


def test_nothing_is_let_go_of_that_plays_elsewhere_or_is_undecided() -> None:
    reported = state("p", playing=False)
    at_owner = DesiredMount(1, "p", {}, frozenset({"r1"}))
    assert compare({"/a": at_owner}, (), [reported]).commands == []
    assert compare({"/a": DesiredMount(1, "p", {})}, (), [reported]).commands != []
    assert compare({}, (), [reported], {"/a"}).commands == []
    assert compare({}, (), [reported]).commands != []
