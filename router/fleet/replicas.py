"""Mounts larger than a core: opens replicas on other workers, gives them new readers, and folds them up again.

The owner keeps the publisher, the sockets' reading side and the registration of all UDP readers; a replica has its own
readers and nothing else. So a replica can be lost or given up at any time: its UDP readers go on at the owner.
"""

import asyncio
import secrets
from contextlib import suppress

from router.fleet.placing import Placing
from router.fleet.replication import FOLD_AFTER_S, Carrier, Saturation, choose, least_loaded
from router.link.placement import PlacementError
from router.link.worker import Worker, WorkerError, WorkerGone, WorkerState
from router.logs import get_logger
from router.state import commands
from router.state.mounts import FanoutPoint, Mount, Replica, replica_path
from router.state.records import REPLICA, ReplicaRecord
from router.state.state import State
from workers.contract.commands import DetachTap, OfferReplica, OpenReplica
from workers.contract.events import Heartbeat
from workers.contract.replies import ReplicaOffered
from workers.shared.descriptor_socket import close_all

log = get_logger(__name__)

TRY_AGAIN_S = 5.0
"""How soon another replica is tried to be opened after one could not be: meanwhile readers don't wait for nothing."""


class Replicas:
    """The replicas of all mounts."""

    def __init__(self, state: State, placing: Placing) -> None:
        self._most_readers = state.settings.replica_readers
        self._saturation = Saturation(state.settings.replica_cpu_percent)
        self._sessions = state.sessions
        self._mounts = state.mounts
        self._lifecycle = state.lifecycle
        self._placing = placing
        self._failed_at: dict[Mount, float] = {}

    def on_heartbeat(self, worker: Worker, beat: Heartbeat, now: float) -> None:
        self._saturation.observe(worker.index, beat.cpu_percent, beat.busiest, beat.busiest_share, now)

    # -- readers ---------------------------------------------------------------------------------------------------

    async def choose(self, mount: Mount) -> Replica | None:
        """Give the replica that a mount's next reader is for, a new one where it takes that; None is the owner."""
        carriers = self._carriers(mount)
        place = choose(carriers, self._most_readers)
        if place is None:
            async with mount.replica_turn:  # whoever else waits for the same replica finds it then
                carriers = self._carriers(mount)
                place = choose(carriers, self._most_readers)
                if place is None and (opened := await self._open(mount)) is not None:
                    return opened
                if place is None:
                    place = least_loaded(self._carriers(mount))
        return None if place == 0 else mount.replicas[place - 1]

    def _carriers(self, mount: Mount) -> list[Carrier]:
        now = asyncio.get_running_loop().time()
        # Readers whose first SETUP is being served don't count yet: the limit is met about.
        own = len(mount.readers) - sum(len(each.readers) for each in mount.replicas)
        carriers = [Carrier(own, self._is_saturated(mount, now))]
        for each in mount.replicas:
            ready = each.worker is not None and each.worker.state is WorkerState.READY
            closing = not ready or each.worker is mount.worker
            carriers.append(Carrier(len(each.readers), self._is_saturated(each, now), closing))
        return carriers

    def _is_saturated(self, point: FanoutPoint, now: float) -> bool:
        index = point.placement.index
        return index is not None and self._saturation.is_with(index, point.path, now)

    # -- opening ---------------------------------------------------------------------------------------------------

    async def _open(self, mount: Mount) -> Replica | None:
        """Open one more replica; None where no worker can have it."""
        now = asyncio.get_running_loop().time()
        if now - self._failed_at.get(mount, -TRY_AGAIN_S) < TRY_AGAIN_S:
            return None
        taken = {mount.worker, *(each.worker for each in mount.replicas)}
        workers = [each for each in self._placing.preferred() if each not in taken]
        if not workers:
            return None
        try:
            async with mount.placement.use() as owner:
                replica = await self._open_on(mount, owner, workers[0])
        except (WorkerError, PlacementError, OSError) as error:
            self._failed_at = {each: at for each, at in self._failed_at.items() if not each.closed} | {mount: now}
            log.warning("replica not opened", mount=mount.path, worker=workers[0].index, reason=str(error))
            return None
        if replica is not None:
            readers = len(mount.readers)
            log.info("replica opened", mount=mount.path, worker=workers[0].index, replica=replica.name, readers=readers)
        return replica

    async def _open_on(self, mount: Mount, owner: Worker, target: Worker) -> Replica | None:
        name = secrets.token_hex(6)
        replica = Replica(name, mount, replica_path(name, mount.path), target)
        record = REPLICA.pack(ReplicaRecord(name, mount.path))
        try:
            offered = await owner.ask(OfferReplica(mount.path, mount.generation, name))
            assert isinstance(offered, ReplicaOffered)
            descriptors = owner.channel.claim(name)
            try:
                if len(descriptors) != offered.descriptors:
                    raise WorkerGone(f"{len(descriptors)} of {offered.descriptors} descriptors came")
                await target.channel.send(name, *descriptors)
            finally:
                close_all(descriptors)
            await target.ask(OpenReplica(replica.path, replica.generation, name, offered.image, record))
        except BaseException:
            owner.tell(DetachTap(mount.path, mount.generation, name))
            target.tell(commands.close_mount(replica))
            raise
        if mount.closed:
            target.tell(commands.close_mount(replica))
            return None
        self._mounts.add_replica(replica)
        return replica

    # -- ends ------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Fold up what has had no readers for a while."""
        for replica in self._mounts.replicas():
            if replica.readers:
                replica.empty_since = None
            elif replica.empty_since is None:
                replica.empty_since = now
            elif now - replica.empty_since > FOLD_AFTER_S:
                self.end(replica, "it has no readers")

    def end(self, replica: Replica, reason: str) -> None:
        """Close a replica. Its UDP readers go on at the owner; those that read inside a connection end with it."""
        if replica.closed:
            return
        mount = replica.mount
        sessions = [session for each in replica.readers if (session := self._sessions.get(each)) is not None]
        for session in sessions:  # or they would be told that the stream has ended
            replica.placement.tell(commands.remove_reader(replica, session))
        replica.placement.tell(commands.close_mount(replica))
        self._mounts.remove_replica(replica)
        index = replica.placement.index
        log.info("replica closed", mount=mount.path, worker=index, replica=replica.name, reason=reason)
        for session in sessions:
            session.replica = None
            session.sent.begin_anew()
            if session.interleaved:
                self._lifecycle.close_session(session, f"its replica was closed: {reason}")
            else:  # the owner knows where its packets come from
                for command in commands.reader_goes_on(session):
                    mount.placement.tell(command)
        replica.readers.clear()

    def channel_ended(self, path: str, name: str) -> None:
        """Take note that the channel between an owner and a replica has ended, as either of them has told."""
        for replica in self._mounts.replicas():
            if replica.path == path or (replica.name == name and replica.mount.path == path):
                self.end(replica, "its channel has ended")

    def worker_lost(self, worker: Worker, reason: str) -> None:
        """Let readers go on whose replica died with its worker."""
        self._saturation.forget(worker.index)
        for replica in self._mounts.replicas():
            if replica.worker is worker:
                self.end(replica, reason)

    async def fold(self, mount: Mount) -> None:
        """Close all replicas of a mount whose owner is gone, and wait for that: they hold its ports."""
        reason = "its owner was lost"
        for replica in list(mount.replicas):
            with suppress(PlacementError, WorkerError):  # then they are gone with its worker
                async with replica.placement.use() as worker:
                    self.end(replica, reason)
                    await worker.ask(commands.close_mount(replica))
            self.end(replica, reason)
