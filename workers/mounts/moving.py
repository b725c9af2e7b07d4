"""Mounts and connections that change workers: suspended here until another has them, or made ready here to carry on.

An ownership token goes with each move: an event counter of one, that both workers hold. Whoever takes it carries on,
and the other one lets go; so whatever dies on the way, and whoever is told what too late, exactly one does.
"""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workers.connections.connection import Connection
from workers.connections.table import Connections
from workers.contract.codec import ContractError
from workers.contract.commands import ExportMounts, ImportMounts
from workers.contract.image import PACKER, Image
from workers.contract.parts import Refusal
from workers.contract.replies import Entangled, Exported
from workers.mounts.carried import CarriedMount
from workers.mounts.table import MountTable, count_sockets
from workers.runtime.refusal import RefusedError
from workers.sockets.descriptors import Descriptors

MOVES_WITHIN_S = 3.0
"""How long a front may take for a move, which takes it milliseconds: after that the source goes on by itself."""
MOST_QUEUED_BYTES = 4 * 1024 * 1024
"""Media that waits for slow interleaved readers and travels with one move: what more would take longer than a move
may. Each connection has an equal share."""


@dataclass(frozen=True, slots=True)
class MoveSet:
    """What moves together. Mounts and connections are suspended."""

    mounts: list[CarriedMount]
    connections: list[Connection]
    token: int
    deadline: float

    def take_ownership(self) -> bool:
        """Take the ownership token; False if the other worker has it."""
        try:
            os.eventfd_read(self.token)
        except BlockingIOError:
            return False
        return True

    def detach(self) -> None:
        """Let go of duplicates: the other worker carries on."""
        for mount in self.mounts:
            mount.detach()
        for connection in self.connections:
            connection.detach()
        os.close(self.token)


class Moves:
    """All moves that this worker has to do with, by their names."""

    def __init__(
        self, mounts: MountTable, connections: Connections, descriptors: Descriptors, logger: logging.Logger
    ) -> None:
        self._mounts = mounts
        self._connections = connections
        self._descriptors = descriptors
        self._logger = logger
        self._exported: dict[str, MoveSet] = {}
        self._imported: dict[str, MoveSet] = {}

    def __len__(self) -> int:
        """Count the moves that may still be taken back, or come to be."""
        return len(self._exported) + len(self._imported)

    # -- from here ------------------------------------------------------------------------------------------------

    def export(self, command: ExportMounts, now: float, reply: Callable[[Exported], None]) -> Entangled | None:
        """Suspend mounts and connections, and send all their descriptors to the front; `reply` is called after that.

        Gives what has to move together, and does nothing, where that is more.
        """
        mounts = {each.path: self._mounts.find(each.path, each.generation) for each in command.mounts}
        named = (self._connections.find(each) for each in command.connections)
        connections = {each for each in named if each is not None and not each.ending}
        paths, carriers = self._closure(mounts, connections)
        if len(paths) > len(mounts) or len(carriers) > len(connections):
            return Entangled(tuple(sorted(paths)), tuple(sorted(each.name for each in carriers)))
        load = MoveSet(
            [*mounts.values()],
            sorted(connections, key=lambda each: each.name),
            os.eventfd(1, os.EFD_CLOEXEC | os.EFD_NONBLOCK),
            now + MOVES_WITHIN_S,
        )
        self._suspend(load)
        try:
            image = PACKER.pack(self._image(load))
        except BaseException:
            self._carry_on(load, now)
            raise
        self._exported[command.move] = load
        sockets = [sock.fileno() for mount in load.mounts for sock in mount.sockets]
        sockets += [each.fileno() for each in load.connections]
        told = Exported(
            image=image,
            mounts=tuple(mounts),
            connections=tuple(each.name for each in load.connections),
            descriptors=len(sockets) + 1,
        )
        self._descriptors.send(command.move, [*sockets, load.token], lambda: reply(told))
        return None

    def _closure(self, mounts: Iterable[str], connections: Iterable[Connection]) -> tuple[set[str], set[Connection]]:
        """Find all mounts and connections whose media shares connections with these."""
        paths, carriers = set(mounts), set(connections)
        fresh = list(paths)
        fresh += [user.path for each in carriers for user in each.users]
        while fresh:
            path = fresh.pop()
            paths.add(path)
            mount = self._mounts.get(path)
            for carrier in set() if mount is None else mount.carriers() - carriers:
                if not carrier.ending:
                    carriers.add(carrier)
                    fresh += [user.path for user in carrier.users if user.path not in paths]
        return paths, carriers

    def _suspend(self, load: MoveSet) -> None:
        for mount in load.mounts:
            self._mounts.take_out(mount)
            mount.suspend()
        for connection in load.connections:
            self._connections.on_gone(connection)
            connection.suspend()

    def _image(self, load: MoveSet) -> Image:
        share = MOST_QUEUED_BYTES // max(1, len(load.connections))
        return Image(
            tuple(mount.pack() for mount in load.mounts),
            tuple(connection.image(share) for connection in load.connections),
        )

    def resume(self, move: str, now: float) -> None:
        """Go on with what was exported; raises RefusedError (`MOVED`) where the target has the token."""
        load = self._exported.get(move)
        if load is None:
            return  # it goes on already
        if not load.take_ownership():
            raise RefusedError(Refusal.MOVED, f"the target of move {move} has started")
        del self._exported[move]
        self._descriptors.call_off(move)
        self._carry_on(load, now)

    def _carry_on(self, load: MoveSet, now: float) -> None:
        """Carry on here, as the owner."""
        for connection in load.connections:
            self._connections.put_in(connection, now)
        for mount in load.mounts:
            self._mounts.put_in(mount, now)
        os.close(load.token)

    # -- to here --------------------------------------------------------------------------------------------------

    def prepare(self, command: ImportMounts, now: float) -> None:
        """Make ready to carry on what another worker has suspended; raises RefusedError with nothing kept."""
        descriptors = deque(self._descriptors.claim_all(command.move, now))
        load: MoveSet | None = None
        try:
            image = PACKER.unpack(command.image)
            expected = sum(map(count_sockets, image.mounts)) + len(image.connections) + 1
            if len(descriptors) != expected:
                reason = f"{len(descriptors)} of {expected} descriptors came; too few may be allowed (ulimit -Hn)"
                raise RefusedError(Refusal.NO_DESCRIPTOR, reason)
            load = MoveSet([], [], descriptors.pop(), now + MOVES_WITHIN_S)
            self._build(image, descriptors, load, now)
        except BaseException as error:
            if load is not None:
                load.detach()
            if isinstance(error, ContractError):
                raise RefusedError(Refusal.FAILED, f"the image can't be read: {error}") from error
            raise
        finally:
            for each in descriptors:
                os.close(each)
        self._imported[command.move] = load

    def _build(self, image: Image, descriptors: "deque[int]", load: MoveSet, now: float) -> None:
        of_mounts = [[descriptors.popleft() for _ in range(count_sockets(mount))] for mount in image.mounts]
        try:
            for each in image.connections:
                load.connections.append(self._connections.make(each, descriptors.popleft()))
            by_name = {each.name: each for each in load.connections}
            for told in image.mounts:
                mount = self._mounts.make(told, of_mounts.pop(0))
                load.mounts.append(mount)
                mount.go_on(by_name, now)
        finally:
            descriptors.extend(each for left in of_mounts for each in left)

    def start(self, move: str, now: float) -> None:
        """Carry on here what was made ready; raises RefusedError where that is gone, or the source has resumed."""
        load = self._imported.pop(move, None)
        if load is None:
            raise RefusedError(Refusal.MOVED, f"move {move} was given up, or never came")
        if not load.take_ownership():
            load.detach()
            raise RefusedError(Refusal.MOVED, f"the source of move {move} has resumed")
        self._carry_on(load, now)

    # -- ends -----------------------------------------------------------------------------------------------------

    def forget(self, move: str) -> None:
        """Let go of duplicates, as another worker has what they are of."""
        for loads in (self._exported, self._imported):
            load = loads.pop(move, None)
            if load is not None:
                if loads is self._exported:
                    self._descriptors.call_off(move)
                    self._mounts.lend_ports(load.mounts)
                load.detach()

    def end(self, now: float) -> None:
        """Settle all moves without the front, which has died: what was exported goes on here, unless it does there."""
        for move in list(self._imported):
            self.forget(move)
        for move in list(self._exported):
            self._end_export(move, now)

    def sweep(self, now: float) -> None:
        for move in [each for each, load in self._imported.items() if load.deadline <= now]:
            self.forget(move)
        for move in [each for each, load in self._exported.items() if load.deadline <= now]:
            self._logger.warning("a move was not ended in time", extra={"move": move})
            self._end_export(move, now)

    def _end_export(self, move: str, now: float) -> None:
        with contextlib.suppress(RefusedError):
            self.resume(move, now)
        self.forget(move)
