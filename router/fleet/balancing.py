"""Moves mounts by itself where workers stay loaded unevenly: looks at their figures, and asks `balance` what to do."""

import asyncio
from collections.abc import Mapping

from router.fleet.balance import LoadHistory, MountLoad, Move, best_move
from router.fleet.moving import MoveError, Mover
from router.fleet.preference import PACKETS_PER_POINT
from router.link.worker import Worker
from router.link.workers import WorkersLink
from router.logs import get_logger
from router.state.mounts import FanoutPoint
from router.state.state import State

log = get_logger(__name__)

SAMPLE_S = 1.0
"""How often the workers' loads are looked at: heartbeats bring them about as often."""

Counts = Mapping[str, tuple[int, Mapping[str, int]]]
"""By mount: its generation, and how many packets came from its publisher ("") and went to each reader."""


class Balancer:
    """Evens the load, one mount at a time."""

    def __init__(self, link: WorkersLink, state: State, mover: Mover) -> None:
        self._settings = settings = state.settings
        self._link = link
        self._mounts = state.mounts
        self._sessions = state.sessions
        self._mover = mover
        self._watch = LoadHistory(settings.rebalance_threshold, settings.rebalance_hold_s)
        self._counts: Counts | None = None

    async def run(self) -> None:
        """Look after the load for ever."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            try:
                await self._look()
            except Exception:  # the next look must come all the same
                log.error("balancing failed", exc_info=True)

    async def _look(self) -> None:
        ready = self._link.ready()
        loads = {worker.index: _points(worker) for worker in ready if worker.heartbeat is not None}
        steady = len(ready) == self._settings.worker_count  # while one is drained or missing, the others have its load
        held = self._watch.observe(loads if steady else {}, asyncio.get_running_loop().time())
        if self._watch.since is None:
            self._counts = None
        elif self._counts is None:
            self._counts = self._count()
        elif held:
            counts, before, self._counts = self._count(), self._counts, None
            means = self._watch.means()
            self._watch.forget()
            move = best_move(means, self._mount_loads(means, before, counts), self._settings.rebalance_threshold)
            if move is not None:
                await self._carry_out(move)

    def _count(self) -> Counts:
        return {point.path: (point.generation, self._count_at(point)) for point in self._mounts.places()}

    def _count_at(self, point: FanoutPoint) -> dict[str, int]:
        counts = {"": point.figures.packets}
        for session in map(self._sessions.get, point.readers):
            if session is not None and session.place is point:
                # Multicast readers are sent to once, whatever their number.
                counts["multicast" if session.transport_name == "multicast" else session.id] = session.sent.value
        return counts

    def _mount_loads(self, means: Mapping[int, float], before: Counts, now: Counts) -> list[MountLoad]:
        """Share each worker's load out among its mounts, by their packets since `before`."""
        packets: dict[FanoutPoint, int] = {}
        for mount in self._mounts.places():
            generation, counts = now.get(mount.path, (-1, {}))
            if mount.worker is not None and generation == mount.generation:
                known, earlier = before.get(mount.path, (-1, {}))
                earlier = earlier if known == generation else {}
                packets[mount] = sum(max(0, count - earlier.get(name, 0)) for name, count in counts.items())
        totals: dict[int, int] = {}
        for mount, count in packets.items():
            assert mount.worker is not None
            totals[mount.worker.index] = totals.get(mount.worker.index, 0) + count
        rested_since = asyncio.get_running_loop().time() - self._settings.rebalance_rest_s
        return [
            MountLoad(
                mount.path,
                mount.worker.index,
                means[mount.worker.index] * count / max(1, totals[mount.worker.index]),
                rests=mount.moved is not None and mount.moved > rested_since,
            )
            for mount, count in packets.items()
            if mount.worker is not None and mount.worker.index in means
        ]

    async def _carry_out(self, move: Move) -> None:
        mount = self._mounts.place(move.path)
        source, target = self._link.workers.get(move.source), self._link.workers.get(move.target)
        if mount is None or source is None or target is None or mount.worker is not source:
            return
        try:
            await self._mover.move([mount], source, target, reason=move.reason)
        except MoveError as error:
            mount.moved = asyncio.get_running_loop().time()  # what could not be moved is left alone for as long
            log.warning("mount not moved", mount=mount.path, reason=move.reason, error=str(error))


def _points(worker: Worker) -> float:
    assert worker.heartbeat is not None
    return max(worker.heartbeat.cpu_percent, worker.packets_per_s / PACKETS_PER_POINT)
