"""Desired against reported: what differs between what the front wants of a worker and what the worker has.

Pure, and the only place that repairs state. Handlers send commands as requests come; if one was lost, or a
worker or front came back with another memory, this finds the difference.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workers.contract.commands import CloseMount, RemoveReader, Respond
from workers.contract.messages import Command
from workers.contract.reports import MountReport, StateReport


@dataclass(frozen=True, slots=True)
class DesiredMount:
    """What the front wants one mount to be on its worker: `readers` maps sessions to whether they play.

    `publisher` is the session that records, "" before it does; of a replica, its channel's name. Readers that play
    `elsewhere`, at a replica, may be registered too.
    """

    generation: int
    publisher: str
    readers: Mapping[str, bool]
    elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """What to do about it.

    `commands` undo what nobody wants. `missing` names what the worker should have and has not: mounts by path,
    connections and sessions by id.
    """

    commands: list[Command] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)


def compare(
    mounts: Mapping[str, DesiredMount],
    connections: Iterable[str],
    reports: Iterable[StateReport],
    undecided: Collection[str] = (),
) -> Difference:
    """Compare what one worker should hold with the parts of its report; `undecided` mounts it may have or not.

    Nothing is created again from here: what is desired and not reported is lost with its sockets, and its
    sessions have to end.
    """
    difference = Difference(missing={*mounts, *connections})
    held: set[str] = set()
    for report in reports:
        for mount in report.mounts:
            if mount.path in undecided:
                continue
            wanted = mounts.get(mount.path)
            if wanted is None or wanted.generation != mount.generation:
                difference.commands.append(CloseMount(mount.path, mount.generation))
            else:
                difference.missing.discard(mount.path)
                _compare_sessions(wanted, mount, difference)
        held.update(report.connections)
    for connection in sorted(held - difference.missing):
        difference.commands.append(Respond(connection, b"", close=True))
    difference.missing.difference_update(held)
    return difference


def _compare_sessions(wanted: DesiredMount, mount: MountReport, difference: Difference) -> None:
    playing = {reader.session: reader.playing for reader in mount.readers}
    for session in playing.keys() - wanted.readers.keys() - wanted.elsewhere:
        difference.commands.append(RemoveReader(mount.path, mount.generation, session))
    for session, plays in wanted.readers.items():
        if session not in playing or (plays and not playing[session]):
            difference.missing.add(session)
    if wanted.publisher and wanted.publisher != mount.publisher:
        difference.missing.add(wanted.publisher)
