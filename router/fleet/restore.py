"""A new front's memory: mounts, sessions and connections, as the workers of the front before it tell of them.

A worker's report is taken in this order: its connections; its mounts with the sessions that were active; then what the
connections have to say, requests without an answer and their ends, each served as if it had just come. What has no
record was not active: it died with the front before, and `reconcile` takes its ports and registrations back.

Workers may contradict each other, where that front died while something changed hands. Then:

* of two mounts on one path the higher generation is the newer one; the other is closed, with its sessions;
* of two workers that hold one connection, or one generation of a mount, the first that reports it keeps it; the other
  is told to let go, which the peer does not notice;
* a session whose media travels inside a connection that its worker does not hold is over; one over UDP lives on.
"""

import socket
from collections.abc import Callable, Iterable

from router.connections.connection import Side
from router.connections.transfer import CONNECTION
from router.link.placement import Placement
from router.link.worker import Worker
from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import SessionState
from router.state import commands
from router.state.figures import MountTotals
from router.state.mount_state import restored_life
from router.state.mounts import REPLICA_PREFIX, Mount, Replica
from router.state.records import MOUNT, REPLICA, SESSION, SessionRecord, session_of
from router.state.sessions import Role, Session
from router.state.state import State
from workers.contract.codec import ContractError
from workers.contract.commands import CloseMount, ReleaseConnection
from workers.contract.parts import MAX_TRACKS
from workers.contract.reports import ConnectionState, MountReport, ReaderState, StateReport
from workers.shared.descriptor_socket import close_all

log = get_logger(__name__)

OWNER_WITHIN_S = 2.0
"""How long a replica waits for its mount once all workers have come: it may be on its way from one to another."""
WORKERS_WITHIN_S = 20.0
"""How long it waits while workers are missing: one that died is started again within ten seconds."""


class Restore:
    """Takes in what workers report to a front that did not know it."""

    def __init__(self, state: State, on_broken: Callable[[Replica, str], None]) -> None:
        """`on_broken` is called with a replica whose channel has ended while there was no front."""
        self._sessions = state.sessions
        self._mounts = state.mounts
        self._connections = state.connections
        self._lifecycle = state.lifecycle
        self._multicast = state.multicast
        self._on_broken = on_broken
        self._elsewhere: dict[str, list[Session]] = {}
        """Sessions whose connection another worker may hold, by the connection's id."""
        self._replicas: dict[tuple[str, int], tuple[float, list[tuple[Worker, MountReport]]]] = {}
        """Replicas whose owner has not come yet, by the mount's path and generation, with the first one's time."""

    def undecided(self, worker: Worker) -> set[str]:
        """Name this worker's replicas of which nobody knows yet whether their mounts are there."""
        return {state.path for _, held in self._replicas.values() for each, state in held if each is worker}

    def tick(self, now: float, *, complete: bool) -> None:
        """Close the replicas whose mounts did not come, once all workers have (`complete`), or none comes any more."""
        for key, (since, held) in list(self._replicas.items()):
            if now - since > (OWNER_WITHIN_S if complete else WORKERS_WITHIN_S):
                del self._replicas[key]
                for worker, state in held:
                    log.warning("replica without its mount closed", replica=state.path, worker=worker.index)
                    worker.tell(CloseMount(state.path, state.generation))

    def take(self, worker: Worker, reports: Iterable[StateReport], now: float) -> None:
        """Take in the report of a worker that was just taken on; there is nothing in that of one which is new."""
        states = self._take_connections(worker, reports)
        sessions_before = len(self._sessions)
        taken = [mount for report in reports for state in report.mounts if (mount := self._mount(worker, state, now))]
        for name, state in states.items():
            self._replay(name, state)
        if taken or states:
            restored = len(self._sessions) - sessions_before
            log.info("restored", worker=worker.index, mounts=len(taken), sessions=restored, connections=len(states))

    # -- connections -----------------------------------------------------------------------------------------------

    def _take_connections(self, worker: Worker, reports: Iterable[StateReport]) -> dict[str, ConnectionState]:
        taken = {}
        for report in reports:
            descriptors = worker.channel.claim(report.token) if report.token else []
            if len(descriptors) != len(report.states):  # none left at the worker, or it has only ended ones to tell of
                close_all(descriptors)
                descriptors = []
            for place, state in enumerate(report.states):
                duplicate = socket.socket(fileno=descriptors[place]) if descriptors else None
                if self._take_connection(worker, state, duplicate):
                    taken[state.name] = state
                elif duplicate is not None:
                    duplicate.close()
        return taken

    def _take_connection(self, worker: Worker, state: ConnectionState, duplicate: socket.socket | None) -> bool:
        known = self._connections.get(state.name)
        if known is not None:
            if not state.ended and known.placement.worker is not worker:
                worker.tell(ReleaseConnection(state.name))
            return False
        try:
            record = CONNECTION.unpack(state.record)
            side = Side(record.side)
        except (ContractError, ValueError) as error:
            if state.record:
                log.error("connection can't be restored", connection=state.name, reason=str(error))
            return False
        connection = self._connections.new(side)
        connection.restore(state.name, state.peer, worker, duplicate)
        self._connections.add(connection)  # beyond a limit too: it has been let in
        for session in self._elsewhere.pop(state.name, ()):
            if session.state is not SessionState.CLOSED and session.connection is None:
                self._sessions.move(session, connection)
        return True

    def _replay(self, name: str, state: ConnectionState) -> None:
        connection = self._connections.get(name)
        if connection is None:
            return
        for message in state.unanswered:
            connection.receive(message)
        if state.broken_status:
            connection.receive_broken(state.broken_status, state.broken_reason)
        if state.unserved:
            self._lifecycle.unserved(connection, state.ended)
        if state.ended:
            connection.receive_end(state.ended)

    # -- mounts and sessions ---------------------------------------------------------------------------------------

    def _mount(self, worker: Worker, state: MountReport, now: float) -> Mount | None:
        """Restore one mount with its sessions; None for one that is not to be."""
        if not state.record:
            return None
        if state.path.startswith(REPLICA_PREFIX):
            self._take_replica(worker, state, now)
            return None
        held = self._mounts.get(state.path)
        if held is not None and held.generation >= state.generation:
            log.warning("older mount of two closed", mount=state.path, worker=worker.index)
            return None
        try:
            record = MOUNT.unpack(state.record)
            publishing = SESSION.unpack(state.publisher_record)
            description = parse_sdp(record.description, MAX_TRACKS)
        except (ContractError, PeerError) as error:
            log.error("mount can't be restored", mount=state.path, worker=worker.index, reason=str(error))
            return None
        if held is not None:
            self._lifecycle.close_mount(held, f"worker {worker.index} has a newer one")
        mount = Mount(state.path, state.generation, min(record.since, now), description, placement=Placement(worker))
        mount.rtp_ports = tuple(track.rtp_port for track in state.tracks)
        mount.publisher = state.publisher
        mount.range, mount.description_version = record.range, record.version
        mount.figures = MountTotals.restored(record.counted)
        mount.streams = state.streams
        mount.life = restored_life(
            publishing=bool(state.publisher),
            heard=any(track.packets_in for track in state.tracks),
            silent=state.silent,
            recording_since=min(record.recording_since, now),
            now=now,
        )
        self._mounts.restore(mount)
        if state.publisher:
            session = self._session(mount, state.publisher, Role.PUBLISHER, publishing, state.publisher_connection, now)
            if state.publisher_paused and session.state is SessionState.RECORDING:
                session.state = SessionState.ANNOUNCED
        else:
            publisher = session_of(publishing, mount, state.last_publisher, Role.PUBLISHER, now)
            publisher.state = SessionState.CLOSED
            self._lifecycle.restored(mount, publisher)
        for reader in state.readers:
            self._reader(mount, reader, now)
        _, waiting = self._replicas.pop((mount.path, mount.generation), (0.0, []))
        for other, each in waiting:
            self._take_replica(other, each, now)
        return mount

    def _take_replica(self, worker: Worker, state: MountReport, now: float) -> None:
        """Restore a replica with its readers, or keep it for when its mount is known."""
        try:
            record = REPLICA.unpack(state.record)
        except ContractError as error:
            log.error("replica can't be restored", replica=state.path, worker=worker.index, reason=str(error))
            return
        mount = self._mounts.get(record.path)
        if worker.is_lost or self._mounts.place(state.path) is not None:
            return
        if mount is None or mount.generation != state.generation:
            key = (record.path, state.generation)
            self._replicas.setdefault(key, (now, []))[1].append((worker, state))
            return
        replica = Replica(record.name, mount, state.path, worker)
        self._mounts.add_replica(replica)
        for reader in state.readers:
            self._reader(mount, reader, now, replica)
        log.info("replica restored", mount=mount.path, worker=worker.index, readers=len(replica.readers))
        if state.publisher != record.name:
            self._on_broken(replica, "its channel had ended")

    def _reader(self, mount: Mount, reader: ReaderState, now: float, replica: Replica | None = None) -> None:
        if mount.closed or not reader.record:  # it has never played
            return
        try:
            record = SESSION.unpack(reader.record)
        except ContractError as error:
            log.error("session can't be restored", session=reader.session, mount=mount.path, reason=str(error))
            return
        mount.readers.add(reader.session)
        if record.groups and not mount.groups:
            mount.groups = record.groups
            self._multicast.claim(mount)
        if replica is not None:
            replica.readers.add(reader.session)
        session = self._session(mount, reader.session, Role.READER, record, reader.connection, now, replica)
        if replica is not None:
            for command in commands.set_up_elsewhere(session) if session.state is not SessionState.CLOSED else ():
                mount.placement.tell(command)
        for each in reader.corrected:
            session.correct(each)
        if session.state is not SessionState.CLOSED and not reader.playing:
            session.state = SessionState.READY

    def _session(
        self,
        mount: Mount,
        name: str,
        role: Role,
        record: SessionRecord,
        connection_id: str,
        now: float,
        replica: Replica | None = None,
    ) -> Session:
        session = session_of(record, mount, name, role, now)
        session.replica = replica
        self._sessions.restore(session)
        if role is Role.PUBLISHER:
            self._lifecycle.restored(mount, session)
        connection = self._connections.get(connection_id)
        if connection is not None and (connection.placement.worker is session.place.worker or not session.interleaved):
            self._sessions.move(session, connection)
        elif session.interleaved:
            self._lifecycle.close_session(session, "its connection was lost with the front", vanished_at=now)
        else:
            session.orphaned = now
            self._elsewhere.setdefault(connection_id, []).append(session)
        return session
