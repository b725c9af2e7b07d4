"""Tells workers which ports of their slices mounts elsewhere have."""

from collections.abc import Mapping

from router.fleet.lending import Slices, lent
from router.link.placement import PlacementState
from router.link.worker import Worker
from router.link.workers import WorkersLink
from router.settings import Settings
from router.state.mounts import Mounts
from workers.contract.commands import LendPorts

LEND_INTERVAL_S = 1.0
"""How often it is looked at which ports are lent: those of a closed mount come back so much later."""
NOBODY = -1
"""Has the ports of mounts whose worker died: its successor must not take them."""


class PortLoans:
    """The ports lent between slices. A worker that has not come yet may have mounts that nobody knows of: until each of
    them has come, or has had to end without a front, no port is taken for free."""

    def __init__(self, settings: Settings, link: WorkersLink, mounts: Mounts) -> None:
        self.slices = Slices.share(settings.rtp_port_start, settings.rtp_port_count, settings.worker_count)
        self._link = link
        self._mounts = mounts
        self._unknown = set(range(settings.worker_count))
        self._unknown_for_s = settings.orphan_timeout_s
        self._began: float | None = None
        self._looked_at = 0.0

    def of(self, index: int) -> tuple[int, ...]:
        """Give the ports of a worker's slice that mounts elsewhere have."""
        return self._all().get(index, ())

    def worker_came(self, worker: Worker) -> None:
        """Take note that a worker has told which mounts it has."""
        self._unknown.discard(worker.index)

    def tick(self, now: float) -> None:
        """Tell workers what has changed, now and then."""
        if self._began is None:
            self._began = now
        if now - self._began > self._unknown_for_s:
            self._unknown.clear()
        if now - self._looked_at >= LEND_INTERVAL_S:
            self._looked_at = now
            self._tell()

    def _tell(self) -> None:
        workers = self._link.alive()
        if self._unknown or self._link.ending or any(worker.moves for worker in workers):
            return  # or it would be told too early that a port is free
        loans = self._all()
        for worker in workers:
            ports = loans.get(worker.index, ())
            if ports != worker.lent:
                worker.lent = ports
                worker.tell(LendPorts(ports))

    def _all(self) -> Mapping[int, tuple[int, ...]]:
        placed = [each for each in self._mounts if each.placement.state is not PlacementState.UNPLACED]
        return lent(self.slices, [(_holder(each.placement.index), each.rtp_ports) for each in placed])


def _holder(index: int | None) -> int:
    return NOBODY if index is None else index
