"""Desired and actual state, compared again and again: what got lost on the way is put right here."""

import asyncio

from router.fleet.figures import of_report, take_figures
from router.fleet.reconcile import DesiredMount, compare
from router.fleet.replicas import Replicas
from router.fleet.restore import Restore
from router.link.worker import Worker, WorkerError
from router.link.workers import WorkersLink
from router.logs import get_logger
from router.rtsp.session_state import SessionState
from router.state.mount_state import PUBLISHED, MountState
from router.state.mounts import FanoutPoint, Mount, Replica
from router.state.state import State
from workers.contract.commands import ReportState
from workers.contract.reports import MountReport, StateReport

log = get_logger(__name__)

RECONCILE_INTERVAL_S = 10.0
"""How often desired and actual state are compared without a reason."""
SETTLED_AFTER_S = 1.0
"""How old a change must be before a report can contradict it: both travel on the same way, and this is far longer."""


class Repair:
    """Makes workers be what sessions, mounts and connections say."""

    def __init__(
        self,
        link: WorkersLink,
        state: State,
        replicas: Replicas,
        restore: Restore,
    ) -> None:
        self._link = link
        self._sessions = state.sessions
        self._mounts = state.mounts
        self._connections = state.connections
        self._lifecycle = state.lifecycle
        self._replicas = replicas
        self._restore = restore

    async def run(self) -> None:
        """Compare desired and actual state now and then; whatever was lost on the way is put right here."""
        while True:
            await asyncio.sleep(RECONCILE_INTERVAL_S)
            for worker in self._link.alive():
                asked = asyncio.get_running_loop().time()
                try:
                    self.repair(worker, await worker.report(ReportState()), asked)
                except WorkerError:
                    pass  # its loss is noticed elsewhere
                except Exception:  # the next round must come all the same
                    log.error("reconciling failed", worker=worker.index, exc_info=True)

    def repair(self, worker: Worker, reports: list[StateReport], asked: float) -> None:
        """Make a worker's state what it should be.

        What a report lacks may just be on its way; what two reports in a row lack is lost.
        """
        if worker.moves or worker.moved_at >= asked:
            return  # what it tells of may have moved since
        mounts = {place.path: self._desired(place) for place in self._mounts.places() if place.worker is worker}
        held = {each.id: each for each in self._connections if each.placement.worker is worker}
        difference = compare(mounts, held, reports, self._restore.undecided(worker))
        lost, worker.missing = difference.missing & worker.missing, difference.missing
        for command in difference.commands:
            log.warning("worker told to let go of what nobody wants", worker=worker.index, command=command)
            worker.tell(command)
        reason = f"worker {worker.index} does not know it"
        for replica in [each for each in self._mounts.replicas() if each.worker is worker]:
            if lost & {replica.path, replica.name}:
                self._replicas.end(replica, reason)
        for name in lost:
            if mount := self._mounts.get(name):
                self._lifecycle.mount_lost(mount, reason)
            if session := self._sessions.get(name):
                self._lifecycle.close_session(session, reason)
            if connection := held.get(name):
                connection.abort(reason)
        for report in reports:
            for state in report.mounts:
                place = self._mounts.place(state.path)
                if place is not None and place.worker is worker:  # it may have died since, and another one counts
                    take_figures(self._mounts, self._sessions, of_report(state))
                self._correct_silence(state, asked)

    def _desired(self, place: FanoutPoint) -> DesiredMount:
        readers = {each: self._sessions.get(each) for each in place.readers}
        here = {name: each for name, each in readers.items() if each is None or each.place is place}
        publisher = ""
        if isinstance(place, Replica):
            publisher = place.name
        elif isinstance(place, Mount) and (session := self._sessions.get(place.publisher)) is not None:
            publisher = session.id if session.state is SessionState.RECORDING else ""
        return DesiredMount(
            place.generation,
            publisher,
            {name: each is not None and each.state is SessionState.PLAYING for name, each in here.items()},
            frozenset(readers.keys() - here.keys()),
        )

    def _correct_silence(self, state: MountReport, asked: float) -> None:
        """Take a report's word on whether a publisher is heard, where an event about it was lost."""
        mount = self._mounts.get(state.path)
        if mount is None or mount.generation != state.generation or mount.state not in PUBLISHED:
            return
        silent = mount.state is not MountState.LIVE
        if silent == state.silent or asked - mount.life.since < SETTLED_AFTER_S:
            return
        tell = self._lifecycle.media_silent if state.silent else self._lifecycle.media_heard
        tell(mount.path, mount.generation, asked)
