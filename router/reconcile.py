"""Desired against reported: which commands make a worker's state what the front wants it to be.

Pure, and the only place that repairs state. Handlers send commands as requests come; if one was lost, or a
worker or front came back with another memory, this finds the difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workers.contract.messages import CloseMount, Command, RemoveReader, Respond, StateReport


@dataclass(frozen=True, slots=True)
class DesiredMount:
    """What the front wants one mount to be on its worker."""

    generation: int
    readers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """`commands` undo what nobody wants; `lost` are mounts that the worker should have and has not."""

    commands: list[Command] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    lost_connections: list[str] = field(default_factory=list)


def compare(
    mounts: Mapping[str, DesiredMount], connections: Iterable[str], reports: Iterable[StateReport]
) -> Difference:
    """Compare what one worker should hold with the parts of its report.

    Nothing is created again from here: a mount or connection that is desired and not reported is lost
    with its sockets, and its sessions have to end.
    """
    difference = Difference()
    reported_mounts: dict[str, int] = {}
    reported_connections: set[str] = set()
    wanted_connections = set(connections)
    for report in reports:
        for mount in report.mounts:
            reported_mounts[mount.path] = mount.generation
            wanted = mounts.get(mount.path)
            if wanted is None or wanted.generation != mount.generation:
                difference.commands.append(CloseMount(mount.path, mount.generation))
                continue
            for reader in mount.readers:
                if reader.session not in wanted.readers:
                    difference.commands.append(RemoveReader(mount.path, mount.generation, reader.session))
        reported_connections.update(report.connections)
    for connection in sorted(reported_connections - wanted_connections):
        difference.commands.append(Respond(connection, b"", close=True))
    difference.lost.extend(path for path, wanted in mounts.items() if reported_mounts.get(path) != wanted.generation)
    difference.lost_connections.extend(sorted(wanted_connections - reported_connections))
    return difference
