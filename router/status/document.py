"""What `trunkline status` shows, as one document (its shape: `router/README.md`)."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from router.connections.connection import Connection
from router.connections.table import Connections
from router.fleet.crashes import CrashCounter
from router.link.worker import Worker
from router.link.workers import WorkersLink
from router.state.mounts import Mount, Mounts
from router.state.sessions import Session, Sessions
from workers.contract.events import Heartbeat
from workers.contract.reports import MountState, StateReport

NO_HEARTBEAT = Heartbeat(0, 0, 0, 0, 0, 0, (), 0.0, 0.0, 0, 0, False)


def compose(
    *,
    now: float,
    started: float,
    worker_count: int,
    link: WorkersLink,
    deaths: CrashCounter,
    connections: Connections,
    sessions: Sessions,
    mounts: Mounts,
    counts: Counter[tuple[str, int]],
    reports: Iterable[StateReport],
) -> dict[str, Any]:
    """Put the document together; `reports` are the workers' own, as far as they answered. Times are monotonic."""
    reported = {(mount.path, mount.generation): mount for report in reports for mount in report.mounts}
    packets: dict[str, int] = {}
    for reader in (each for mount in reported.values() for each in mount.readers):
        # The owner knows readers of its replicas too, and sends them nothing.
        packets[reader.session] = max(reader.packets_out, packets.get(reader.session, 0))
    wall = time.time() - now
    return {
        "front": {
            "pid": os.getpid(),
            "uptime_s": round(now - started, 3),
            "connections": len(connections),
            "sessions": len(sessions),
            "requests": _requests(counts),
            "malformed_messages": link.malformed,
            "stale_messages": link.stale,
            "tasks": len(asyncio.all_tasks()),
        },
        "workers": [
            _worker(index, link.workers.get(index), given_up=deaths.is_given_up(index)) for index in range(worker_count)
        ],
        "mounts": [_mount(mount, reported.get((mount.path, mount.generation)), sessions, wall) for mount in mounts],
        "sessions": [
            _session(each, reported.get((each.mount.path, each.mount.generation)), packets, wall) for each in sessions
        ],
    }


def _requests(counts: Counter[tuple[str, int]]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (method, status), count in sorted(counts.items()):
        table.setdefault(method, {})[str(status)] = count
    return table


def _worker(index: int, worker: Worker | None, *, given_up: bool) -> dict[str, Any]:
    beat = worker.heartbeat if worker is not None and worker.heartbeat is not None else NO_HEARTBEAT
    state = "given up" if given_up else "missing" if worker is None else "draining" if beat.draining else worker.state
    return {
        "index": index,
        "pid": worker.pid if worker is not None else None,
        "state": state,
        "mounts": beat.mounts,
        "readers": beat.readers,
        "packets_in": beat.packets_in,
        "packets_out": beat.packets_out,
        "bytes_in": beat.bytes_in,
        "bytes_out": beat.bytes_out,
        "drops": dict(beat.drops),
        "cpu_percent": round(beat.cpu_percent, 1),
        "loop_lag_ms": round(beat.loop_lag_ms, 2),
        "ports_free": beat.ports_free,
        "ports_used": beat.ports_used,
    }


def _peer(connection: Connection | None, host: str) -> str:
    return connection.peer if connection is not None else host


def _mount(mount: Mount, state: MountState | None, sessions: Sessions, wall: float) -> dict[str, Any]:
    publisher = sessions.get(mount.publisher)
    tracks = []
    for index, media in enumerate(mount.description.medias):
        track: dict[str, Any] = {
            "kind": media.kind,
            "encodings": [media.encodings.get(number, str(number)) for number in media.formats],
        }
        if state is not None:
            told = state.tracks[index]
            track |= {
                "rtp_port": told.rtp_port,
                "ssrc": told.ssrc,
                "packets_in": told.packets_in,
                "bytes_in": told.bytes_in,
                "lost": told.lost,
                "jitter": round(told.jitter, 1),
            }
        tracks.append(track)
    return {
        "path": mount.path,
        "worker": mount.placement.index,
        "state": mount.state,
        "tracks": tracks,
        "publisher": _publisher(mount, publisher),
        "readers": len(mount.readers),
        "replicas": [
            {"path": each.path, "worker": each.placement.index, "readers": len(each.readers)} for each in mount.replicas
        ],
        "since": round(wall + mount.since, 3),
    }


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


def _session(session: Session, state: MountState | None, packets: dict[str, int], wall: float) -> dict[str, Any]:
    received = sum(track.packets_in for track in state.tracks) if state is not None else 0
    publishes = session.id == session.mount.publisher
    return {
        "id": session.id,
        "role": session.role.value,
        "state": session.state.value,
        "mount": session.mount.path,
        "transport": session.transport_name,
        "peer": _peer(session.connection, session.host),
        "user": session.user,
        "packets": received if publishes else packets.get(session.id, 0),
        "since": round(wall + session.since, 3),
    }
