"""What `trunkline status` shows, as one document (its shape: `router/README.md`).

Nobody is asked for it: state tells who there is, and workers tell their figures as they change. Its counters never
fall, whoever dies.
"""

import asyncio
import json
import os
import time
from collections import Counter
from typing import Any

from router.connections.connection import Connection
from router.fleet.fleet import Fleet
from router.link.worker import WorkerState
from router.logs import get_logger
from router.programs.runtime_dir import TOTALS
from router.state.mounts import Mount
from router.state.sessions import Session
from router.state.state import State
from router.status.saved import SavedTotals
from workers.contract.events import Heartbeat

log = get_logger(__name__)

NO_HEARTBEAT = Heartbeat(0, 0, 0, 0, 0, 0, (), 0.0, 0.0, 0, 0, False)


class StatusDocument:
    """The state of a front and its workers. `requests` counts answers by method and status."""

    def __init__(self, state: State, fleet: Fleet, requests: Counter[tuple[str, int]]) -> None:
        self._state = state
        self._fleet = fleet
        self._requests = requests
        self._saved = SavedTotals(state.settings.runtime_dir / TOTALS)
        self._started: float | None = None

    # -- totals of earlier fronts ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Go on from the totals of the front before, and take note of when this one began."""
        self._started = asyncio.get_running_loop().time()
        saved = self._saved.read()
        if saved is None:
            return
        try:
            self._requests.update({(method, status): count for method, status, count in saved["requests"]})
            for index, totals in saved["workers"].items():
                if int(index) in self._fleet.totals:
                    self._fleet.totals[int(index)].from_json(totals)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("totals of the front before can't be read", reason=str(error))

    def save(self) -> None:
        """Leave the totals to the next front."""
        if self._started is not None:
            self._saved.write(
                {
                    "requests": [[*key, count] for key, count in self._requests.items()],
                    "workers": {index: totals.to_json() for index, totals in self._fleet.totals.items()},
                }
            )

    def end(self) -> None:
        """Leave nothing: the router stops."""
        if self._started is not None:
            self._saved.remove()

    # -- the document ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Give it as JSON. What it counts is saved first: the next front must not show less."""
        self.save()
        return json.dumps(self.compose())

    def compose(self) -> dict[str, Any]:
        """Put it together."""
        now = asyncio.get_running_loop().time()
        state, link = self._state, self._fleet.link
        wall = time.time() - now
        return {
            "front": {
                "pid": os.getpid(),
                "uptime_s": round(now - (self._started or now), 3),
                "connections": len(state.connections),
                "sessions": len(state.sessions),
                "requests": self._requests_by_method(),
                "malformed_messages": link.malformed,
                "stale_messages": link.stale,
                "tasks": len(asyncio.all_tasks()),
            },
            "workers": [self._worker(index) for index in self._fleet.totals],
            "mounts": [self._mount(mount, wall) for mount in state.mounts],
            "sessions": [_session(each, wall) for each in state.sessions],
        }

    def _requests_by_method(self) -> dict[str, dict[str, int]]:
        table: dict[str, dict[str, int]] = {}
        for (method, status), count in sorted(self._requests.items()):
            table.setdefault(method, {})[str(status)] = count
        return table

    def _worker(self, index: int) -> dict[str, Any]:
        worker = self._fleet.link.workers.get(index)
        beat = worker.heartbeat if worker is not None and worker.heartbeat is not None else NO_HEARTBEAT
        if self._fleet.crashes.is_given_up(index):
            state = WorkerState.GIVEN_UP.value
        elif worker is None:
            state = "missing"
        else:
            state = WorkerState.DRAINING.value if beat.draining else worker.state.value
        counts, drops = self._fleet.totals[index].values()
        return {
            "index": index,
            "pid": worker.pid if worker is not None else None,
            "state": state,
            "mounts": beat.mounts,
            "readers": beat.readers,
            **counts,
            "drops": drops,
            "cpu_percent": round(beat.cpu_percent, 1),
            "loop_lag_ms": round(beat.loop_lag_ms, 2),
            "ports_free": beat.ports_free,
            "ports_used": beat.ports_used,
        }

    def _mount(self, mount: Mount, wall: float) -> dict[str, Any]:
        return {
            "path": mount.path,
            "worker": mount.placement.index,
            "state": mount.state,
            "tracks": _tracks(mount),
            "publisher": _publisher(mount, self._state.sessions.get(mount.publisher)),
            "readers": len(mount.readers),
            "replicas": [
                {"path": each.path, "worker": each.placement.index, "readers": len(each.readers)}
                for each in mount.replicas
            ],
            "since": round(wall + mount.since, 3),
        }


def _tracks(mount: Mount) -> list[dict[str, Any]]:
    tracks = []
    for index, media in enumerate(mount.description.medias):
        track: dict[str, Any] = {
            "kind": media.kind,
            "encodings": [media.encodings.get(number, str(number)) for number in media.formats],
        }
        if index < len(mount.rtp_ports):
            figures = mount.figures.track(index)
            track |= {
                "rtp_port": mount.rtp_ports[index],
                "ssrc": figures.now.ssrc if figures.now is not None else None,
                "packets_in": figures.packets.value,
                "bytes_in": figures.bytes.value,
                "lost": figures.lost.value,
                "jitter": round(figures.now.jitter, 1) if figures.now is not None else 0.0,
            }
        tracks.append(track)
    return tracks


def _peer(connection: Connection | None, host: str) -> str:
    return connection.peer if connection is not None else host


def _publisher(mount: Mount, publisher: Session | None) -> dict[str, Any] | None:
    if mount.source is not None:
        return {"session": mount.source.id, "peer": "", "user": "", "transport": "program"}
    if publisher is None:
        return None
    return {
        "session": publisher.id,
        "peer": _peer(publisher.connection, publisher.host),
        "user": publisher.user,
        "transport": publisher.transport_name,
    }


def _session(session: Session, wall: float) -> dict[str, Any]:
    return {
        "id": session.id,
        "role": session.role.value,
        "state": session.state.value,
        "mount": session.mount.path,
        "transport": session.transport_name,
        "peer": _peer(session.connection, session.host),
        "user": session.user,
        "packets": session.packets,
        "since": round(wall + session.since, 3),
    }
