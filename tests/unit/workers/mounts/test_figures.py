"""Only what has changed is told, in parts of bounded size."""

from collections.abc import Mapping
from typing import cast

from workers.contract.reports import MountFigures, MountReport, ReaderState, TrackState
from workers.mounts import figures
from workers.mounts.carried import CarriedMount
from workers.mounts.figures import Figures


class FakeMount:
    """Says what a mount of some packets and readers says."""

    def __init__(self, path: str, packets: int, readers: Mapping[str, int], generation: int = 1) -> None:
        self.path, self.packets, self.readers, self.generation = path, packets, dict(readers), generation

    def describe(self) -> MountReport:
        readers = tuple(ReaderState(name, "c", True, sent, 0) for name, sent in self.readers.items())
        return MountReport(self.path, self.generation, "p", False, (self.track,), readers)

    @property
    def track(self) -> TrackState:
        return TrackState(10_000, self.packets, 0, 0, 0.0, None)


def changed(told: Figures, *mounts: FakeMount) -> list[MountFigures]:
    return [each for part in told.changed(cast(list[CarriedMount], mounts)) for each in part.mounts]


def test_everything_is_told_once() -> None:
    told, mount = Figures(), FakeMount("/a", 1, {"r": 1, "s": 0})
    assert changed(told, mount) == [MountFigures("/a", 1, (mount.track,), (("r", 1), ("s", 0)))]
    assert changed(told, mount) == []
    told.forget()
    assert len(changed(told, mount)) == 1


def test_a_reader_is_told_without_the_tracks_and_the_other_way_round() -> None:
    told, mount = Figures(), FakeMount("/a", 1, {"r": 1, "s": 1})
    changed(told, mount)
    mount.readers["r"] = 2
    assert changed(told, mount) == [MountFigures("/a", 1, (), (("r", 2),))]
    mount.packets = 2
    assert changed(told, mount) == [MountFigures("/a", 1, (mount.track,), ())]


def test_a_mount_that_comes_again_is_told_again() -> None:
    told = Figures()
    changed(told, FakeMount("/a", 0, {}))
    assert len(changed(told, FakeMount("/a", 0, {}, generation=2))) == 1
    changed(told)
    assert len(changed(told, FakeMount("/a", 0, {}, generation=2))) == 1


def test_parts_are_bounded() -> None:
    mounts = [FakeMount(f"/{number}", 1, {}) for number in range(figures.MOUNTS_IN_PART + 1)]
    parts = list(Figures().changed(cast(list[CarriedMount], mounts)))
    assert [len(part.mounts) for part in parts] == [figures.MOUNTS_IN_PART, 1]
    crowded = [FakeMount("/a", 1, {f"r{number}": 1 for number in range(figures.READERS_IN_PART)}), mounts[0]]
    assert [len(part.mounts) for part in Figures().changed(cast(list[CarriedMount], crowded))] == [1, 1]
