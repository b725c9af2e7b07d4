"""What of the mounts' and readers' figures has changed since the front was told last."""

from collections.abc import Iterable, Iterator

from workers.contract.events import FiguresChanged
from workers.contract.reports import MountFigures, TrackState
from workers.mounts.carried import CarriedMount

MOUNTS_IN_PART = 500
READERS_IN_PART = 2000
"""Bounds of one message: about 100 kB, which both sides handle in a few milliseconds."""


class Figures:
    """What the front knows."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, int], tuple[TrackState, ...]] = {}
        self._readers: dict[tuple[str, int], dict[str, int]] = {}

    def forget(self) -> None:
        """Take it that the front, which is another one, knows nothing."""
        self._tracks.clear()
        self._readers.clear()

    def changed(self, mounts: Iterable[CarriedMount]) -> Iterator[FiguresChanged]:
        """Give what has changed, in parts of bounded size; from now on the front knows it."""
        part: list[MountFigures] = []
        readers_in_part = 0
        tracks_before, self._tracks = self._tracks, {}
        readers_before, self._readers = self._readers, {}
        for mount in mounts:
            state = mount.describe()
            key = (state.path, state.generation)
            readers = {each.session: each.packets_out for each in state.readers}
            known = readers_before.get(key, {})
            changed = tuple(each for each in readers.items() if known.get(each[0]) != each[1])
            tracks = state.tracks if tracks_before.get(key) != state.tracks else ()
            self._tracks[key], self._readers[key] = state.tracks, readers
            if not changed and not tracks:
                continue
            part.append(MountFigures(state.path, state.generation, tracks, changed))
            readers_in_part += len(changed)
            if len(part) >= MOUNTS_IN_PART or readers_in_part >= READERS_IN_PART:
                yield FiguresChanged(tuple(part))
                part, readers_in_part = [], 0
        if part:
            yield FiguresChanged(tuple(part))
