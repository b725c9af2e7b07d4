"""The UDP ports of a mount that is opened: of this worker's slice, or those that it had on another worker."""

import errno
import socket

from workers.contract.commands import OpenMount
from workers.contract.parts import Refusal
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.sockets.udp_pairs import bind_pair

Pair = tuple[socket.socket, socket.socket]


def bind_ports(command: OpenMount, resources: Resources, now: float) -> list[tuple[int, Pair]]:
    """Bind a pair for each track, those that the command names if any; gives RTP ports and sockets.

    Raises RefusedError, with nothing kept, if the ports don't suffice.
    """
    bound: list[tuple[int, Pair]] = []
    try:
        for index in range(len(command.tracks)):
            if command.ports:
                bound.append(_bind_same(command.ports[index], resources))
            else:
                bound.append(_bind(command.path, resources, now))
    except BaseException:
        for port, pair in bound:
            for each in pair:
                each.close()
            resources.ports.give_back(port, now, rested=True)
        raise
    return bound


def _bind(path: str, resources: Resources, now: float) -> tuple[int, Pair]:
    ports = resources.ports
    while (port := ports.take(now)) is not None:
        try:
            pair = _bind_pair(port, resources)
        except BaseException:
            ports.give_back(port, now, rested=True)
            raise
        if pair is not None:
            return port, pair
        ports.give_back(port, now)  # another program's: skipped, and tried again after a rest
    raise RefusedError(Refusal.NO_PORTS, f"no RTP port pair is free for {path}")


def _bind_same(port: int, resources: Resources) -> tuple[int, Pair]:
    """Bind the pair that a mount had on another worker: its publisher and readers know no other."""
    pair = _bind_pair(port, resources)
    if pair is None:
        raise RefusedError(Refusal.NO_PORTS, f"port {port} or {port + 1} is in use")
    resources.ports.claim(port)
    return port, pair


def _bind_pair(port: int, resources: Resources) -> Pair | None:
    try:
        return bind_pair(resources.family, resources.bind_address, port)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        reason = "no descriptor is left for a socket: raise the hard limit (ulimit -Hn, LimitNOFILE=)"
        raise RefusedError(Refusal.FAILED, reason) from error
