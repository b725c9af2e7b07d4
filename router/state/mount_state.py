"""The states of a mount and what each change does to them: one table, and nothing else."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class MountState(StrEnum):
    """Where a mount stands; `trunkline status` shows these words."""

    ANNOUNCED = "announced"
    """Its tracks are known, and nobody may read them yet."""
    STARTING = "starting"
    """Readers may have it, and no packet has come."""
    LIVE = "live"
    SILENT = "silent"
    """No packet has come for `stale_after_s`."""
    WAITING = "waiting"
    """Its publisher has vanished; its readers wait for the next one to record."""
    CLOSED = "closed"


class MountChange(Enum):
    """What happens to a mount."""

    RECORD = "a publisher begins to record, or a program's stream is open"
    HEARD = "its worker hears packets"
    FELL_SILENT = "its worker has heard none for `stale_after_s`"
    CARRIED_ON = "another worker carries it on, and has heard nothing yet"
    VANISHED = "its publisher has gone without saying so, and another is waited for"
    CLOSE = "it ends"


_S, _C = MountState, MountChange
_MOVES: dict[MountState, dict[MountChange, MountState]] = {
    # What a worker says may be about a RECORD that has failed here, or about the publisher before.
    _S.ANNOUNCED: {
        _C.RECORD: _S.STARTING,
        _C.HEARD: _S.ANNOUNCED,
        _C.FELL_SILENT: _S.ANNOUNCED,
        _C.CARRIED_ON: _S.ANNOUNCED,
    },
    _S.STARTING: {
        _C.HEARD: _S.LIVE,
        _C.FELL_SILENT: _S.SILENT,
        _C.CARRIED_ON: _S.STARTING,
        _C.VANISHED: _S.WAITING,
    },
    _S.LIVE: {
        _C.HEARD: _S.LIVE,
        _C.FELL_SILENT: _S.SILENT,
        _C.CARRIED_ON: _S.SILENT,
        _C.VANISHED: _S.WAITING,
    },
    _S.SILENT: {
        _C.HEARD: _S.LIVE,
        _C.FELL_SILENT: _S.SILENT,
        _C.CARRIED_ON: _S.SILENT,
        _C.VANISHED: _S.WAITING,
    },
    _S.WAITING: {
        _C.RECORD: _S.STARTING,
        _C.HEARD: _S.WAITING,
        _C.FELL_SILENT: _S.WAITING,
        _C.CARRIED_ON: _S.WAITING,
        _C.VANISHED: _S.WAITING,  # one that had only announced: the time that it waits goes on
    },
}
_TABLE = {state: {**moves, _C.CLOSE: _S.CLOSED} for state, moves in _MOVES.items()} | {_S.CLOSED: {}}
READABLE = frozenset({_S.STARTING, _S.LIVE, _S.SILENT, _S.WAITING})
"""Where readers may have it."""
PUBLISHED = READABLE - {_S.WAITING}
"""Where its worker takes somebody's packets."""


class ImpossibleChange(Exception):
    """The table knows no such change in such a state: a mistake of this program."""


@dataclass(frozen=True, slots=True)
class MountLife:
    """A mount's state, and since when it has it, in monotonic seconds."""

    state: MountState
    since: float

    def after(self, change: MountChange, now: float) -> "MountLife":
        """Give its life after a change.

        Raises:
            ImpossibleChange: the table doesn't have it.
        """
        state = _TABLE[self.state].get(change)
        if state is None:
            raise ImpossibleChange(f"{change.name} of a mount that is {self.state}")
        return self if state is self.state else MountLife(state, now)


def restored_life(*, publishing: bool, heard: bool, silent: bool, recording_since: float, now: float) -> MountLife:
    """Give the life of a mount that the front before this one had: by whether a session publishes it, and whether its
    worker has ever heard packets, and hears them now."""
    if not publishing:
        return MountLife(_S.WAITING, now)  # its whole time to wait again: how much has passed, the front before knew
    if not heard:
        return MountLife(_S.STARTING, recording_since)
    return MountLife(_S.SILENT if silent else _S.LIVE, now)
