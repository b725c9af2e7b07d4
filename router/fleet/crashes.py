"""Which workers die again and again, and are given up for a while. Pure; `now` is monotonic."""

MOST_DEATHS = 5
WITHIN_S = 60.0
"""So many deaths of the workers of one index in so short a time: whatever kills them there will kill the next one. It
goes on being started again, without a mount, and gets mounts again once it has stayed up for as long."""


class CrashCounter:
    """The deaths of each index's workers."""

    def __init__(self) -> None:
        self._at: dict[int, list[float]] = {}
        self._given_up: set[int] = set()

    def note(self, index: int, now: float) -> bool:
        """Note a death; tells whether the index is given up with it."""
        recent = [each for each in self._at.get(index, []) if now - each < WITHIN_S]
        self._at[index] = [*recent, now]
        if len(recent) + 1 < MOST_DEATHS or index in self._given_up:
            return False
        self._given_up.add(index)
        return True

    def is_given_up(self, index: int) -> bool:
        """Tell whether an index gets no mounts."""
        return index in self._given_up

    def stayed_up(self, index: int, up_s: float) -> bool:
        """Take note for how long the index's worker has lived; tells whether it gets mounts again with that."""
        if index not in self._given_up or up_s < WITHIN_S:
            return False
        self._given_up.discard(index)
        self._at.pop(index, None)
        return True
