"""Gives a mount its worker: asks in order of preference until one has the ports."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from router.fleet.preference import Load, by_preference
from router.link.worker import Worker, WorkerGone, WorkerRefused
from router.link.workers import WorkersLink
from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.state import commands
from router.state.mounts import Mount, Mounts
from workers.contract.replies import MountOpened

log = get_logger(__name__)

NEW_FOR_S = 3.0
"""How long a mount counts as not measured yet: a few heartbeats, and a CPU figure that has seen it."""


class Placing:
    """Places mounts on workers."""

    def __init__(self, link: WorkersLink, mounts: Mounts) -> None:
        self._link = link
        self._mounts = mounts
        self._turn = 0
        self._last_placed: dict[int, int] = {}
        self._expected: Counter[int] = Counter()

    async def place(self, mount: Mount) -> None:
        """Open the mount on the best worker that has the ports.

        Raises:
            PeerError: 503 where no worker is alive or none has the ports.
        """
        command = commands.open_mount(mount)
        workers = self.preferred()
        if not workers:
            raise PeerError(503, "no worker is alive")
        reason = ""
        for worker in workers:
            if mount.closed:
                raise PeerError(454, "the session was closed meanwhile")
            self._note(worker)
            try:
                with mount.placement.opening(worker):
                    opened = await worker.ask(command)
                    if worker.is_lost:  # right behind its answer, and there were no ports yet to go on with
                        raise WorkerGone(f"worker {worker.index} died")
                    assert isinstance(opened, MountOpened)
                    mount.rtp_ports = opened.rtp_ports
            except WorkerRefused as error:
                reason = str(error)
                continue
            except WorkerGone as error:
                reason = str(error)
                # Its fate is unknown: a worker that opened it after all must let go of it.
                worker.tell(commands.close_mount(mount))
                continue
            log.info("mount placed", mount=mount.path, worker=worker.index, ports=opened.rtp_ports)
            return
        log.error("no worker can take a mount", mount=mount.path, reason=reason)
        raise PeerError(503, f"no worker can take {mount.path}: {reason}")

    @contextmanager
    def expecting(self, worker: Worker) -> Iterator[None]:
        """Count a mount as a worker's for as long as the block lasts: those that are placed at once must spread."""
        self._note(worker)
        self._expected[worker.index] += 1
        try:
            yield
        finally:
            self._expected[worker.index] -= 1

    def _note(self, worker: Worker) -> None:
        self._turn += 1
        self._last_placed[worker.index] = self._turn

    def preferred(self) -> list[Worker]:
        """List the workers that can be given mounts, the best one first."""
        ready = {worker.index: worker for worker in self._link.ready()}
        now = asyncio.get_running_loop().time()
        mounts = {index: self._expected[index] for index in ready}
        new = dict(mounts)
        for mount in self._mounts.places():
            index = mount.placement.index
            if index in ready:
                mounts[index] += 1
                new[index] += now - max(mount.since, mount.moved or 0.0) < NEW_FOR_S
        loads = [
            Load(
                worker=index,
                cpu_percent=worker.heartbeat.cpu_percent if worker.heartbeat else 0.0,
                packets_per_s=worker.packets_per_s,
                mounts=mounts[index],
                new_mounts=new[index],
                last_placed=self._last_placed.get(index, 0),
            )
            for index, worker in ready.items()
        ]
        return [ready[index] for index in by_preference(loads)]
