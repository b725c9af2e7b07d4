"""How sessions and mounts end: the one place that closes them, for every reason there is.

Everything here is synchronous: state changes at once, and workers are told by commands that nobody waits for.
Reconciling puts right whatever gets lost on the way.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from router.connections.connection import Connection
from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.rtsp.same_tracks import same_tracks
from router.rtsp.sdp import SdpDocument
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state import commands
from router.state.events import (
    EventDispatcher,
    MountEnded,
    MountReady,
    PacketsLost,
    PacketsUnusable,
    PublisherReplaced,
    ReaderUnserved,
    SessionBegan,
    SessionEnded,
)
from router.state.mount_state import PUBLISHED, MountChange, MountState
from router.state.mounts import Mount, Mounts
from router.state.multicast import Multicast
from router.state.records import session_record
from router.state.sessions import Role, Session, Sessions
from router.state.timeouts import Timeouts
from workers.contract.events import SessionTrouble

log = get_logger(__name__)


class Lifecycle:
    """Ends what has to end. Times are monotonic seconds."""

    def __init__(
        self, settings: Settings, sessions: Sessions, mounts: Mounts, multicast: Multicast, events: EventDispatcher
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._mounts = mounts
        self._multicast = multicast
        self._events = events
        self._timeouts = Timeouts(settings)

    # -- publishing ------------------------------------------------------------------------------------------------

    def claim(self, path: str, description: SdpDocument, claimant: Connection, now: float) -> Mount | None:
        """Free a path for a new publisher, if the policy lets it have the path; gives the mount that it is to go on
        with where that waits for a publisher of the same tracks.

        Raises:
            PeerError: 503 where another publisher keeps it, or the claimant can have no session.
        """
        mount = self._mounts.get(path)
        if mount is None:
            self._sessions.check_room(claimant)
            return None
        if mount.source is not None:
            raise PeerError(503, f"{path} is published by the server itself")
        publisher = self._sessions.get(mount.publisher)
        own = publisher is not None and publisher.connection is claimant
        if not own and not self._may_take(mount, publisher, now):
            raise PeerError(503, f"{path} is being published by another client")
        reason = f"taken over by {claimant.peer}"
        goes_on = self._waits(mount) and (publisher is not None or mount.state is MountState.WAITING)
        same = goes_on and same_tracks(mount.description, description)
        self._sessions.check_room(claimant, {mount.publisher} if same else {mount.publisher, *mount.readers})
        if same:
            if publisher is not None:
                self.close_session(publisher, reason, keep_connection=own, vanished_at=now)
            return mount
        if goes_on:
            reason += " with other tracks"
        self.close_mount(mount, reason, claimant=claimant)
        return None

    def _may_take(self, mount: Mount, publisher: Session | None, now: float) -> bool:
        """Tell whether the policy lets another client have a path; nobody holds one that waits."""
        waits = mount.state is MountState.WAITING
        if publisher is None and waits:
            return True
        began = publisher.since if publisher is not None and waits else mount.life.since
        unheard = mount.state in (MountState.ANNOUNCED, MountState.STARTING, MountState.WAITING)
        idle = unheard and now - began > self._settings.stale_after_s
        silent = mount.state is MountState.SILENT
        stale = idle or silent or publisher is None or publisher.connection is None
        policy = self._settings.publish_conflict
        return policy == "takeover" or (policy == "takeover-if-stale" and stale)

    def begun(self, session: Session) -> None:
        """Note a new session, once all that it needs is there."""
        self._events.append(SessionBegan(session))

    @contextmanager
    def recording(self, publisher: Session, media_range: str | None, now: float) -> Iterator[None]:
        """Let readers have a mount while its worker is told to record, as whoever knows of the answer may come to read
        at once. Where that fails, all is as before."""
        mount = publisher.mount
        before = mount.life, mount.range
        mount.range = media_range or mount.range
        if mount.last_publisher != publisher.id and not (mount.publisher == publisher.id and mount.state in PUBLISHED):
            mount.change(MountChange.RECORD, now)  # else its RECORD is on its way already, on another connection
        try:
            yield
        except BaseException:
            waited = before[0].state is MountState.WAITING
            if not mount.closed and (waited or mount.publisher == publisher.id):  # else it has begun to wait meanwhile
                mount.life, mount.range = before
            raise

    def recorded(self, publisher: Session) -> None:
        """Note that a publisher's media may flow from now on."""
        mount = publisher.mount
        if mount.closed or mount.last_publisher == publisher.id:
            return
        first = not mount.last_publisher
        self._note_publisher(mount, publisher)
        self._log_begin("publishing", publisher)
        self._events.append(MountReady(mount, publisher) if first else PublisherReplaced(mount, publisher))

    def stream_opened(self, mount: Mount, now: float) -> None:
        """Note that a program's stream can be had from now on."""
        mount.change(MountChange.RECORD, now)
        self._events.append(MountReady(mount, None))

    def restored(self, mount: Mount, publisher: Session) -> None:
        """Note a mount that the front before this one had, with the last publisher that it recorded."""
        self._note_publisher(mount, publisher)
        self._events.append(MountReady(mount, publisher, restored=True))

    @staticmethod
    def _note_publisher(mount: Mount, publisher: Session) -> None:
        mount.last_publisher, mount.last_record = publisher.id, session_record(publisher)

    def playing(self, reader: Session) -> None:
        """Note that a reader's media flows from now on."""
        self._log_begin("playing", reader)
        if reader.mount.source is not None:
            reader.mount.source.readers_changed()

    def _log_begin(self, event: str, session: Session) -> None:
        log.info(
            event,
            session=session.id,
            mount=session.mount.path,
            worker=session.place.placement.index,
            peer=session.host if session.connection is None else session.connection.peer,
            transport=session.transport_name,
            user=session.user or None,
        )

    def media_heard(self, path: str, generation: int, now: float) -> None:
        """Note the first RTP packet, or the first after a silence."""
        mount = self._mounts.get(path)
        if mount is not None and mount.generation == generation:
            if mount.state is MountState.STARTING:
                log.info("media flows", mount=path, worker=mount.placement.index)
            mount.change(MountChange.HEARD, now)

    def media_silent(self, path: str, generation: int, now: float) -> None:
        """Note that no RTP has come for `stale_after_s`; a publisher without connection has vanished with that."""
        mount = self._mounts.get(path)
        if mount is None or mount.generation != generation:
            return
        mount.change(MountChange.FELL_SILENT, now)
        publisher = self._sessions.get(mount.publisher)
        if publisher is not None and publisher.connection is None:
            reason = f"its connection is lost and no RTP came for {self._settings.stale_after_s:g} s"
            self.close_session(publisher, reason, vanished_at=now)

    def troubled(self, event: SessionTrouble) -> None:
        """Note that a publisher's packets were lost or can't be used."""
        session = self._sessions.get(event.session)
        if session is None:
            return
        if event.lost:
            self._events.append(PacketsLost(session, event.lost))
        if event.not_rtp or event.wrong_payload_type:
            self._events.append(PacketsUnusable(session, event.not_rtp, event.wrong_payload_type))

    def unserved(self, connection: Connection, reason: str) -> None:
        """Note that the readers on a connection could not be served, and that it is closed for that."""
        for session in self._sessions.of(connection):
            if session.state is SessionState.PLAYING and session.interleaved:
                self._events.append(ReaderUnserved(session, reason))

    # -- ends ------------------------------------------------------------------------------------------------------

    def close_session(
        self, session: Session, reason: str, *, keep_connection: bool = False, vanished_at: float | None = None
    ) -> None:
        """End a session, and with a publisher's its mount; one that has vanished, its mount may wait for.

        Its connection ends too, as that is how a client hears of it; so do other sessions that it carries.
        """
        if session.state is SessionState.CLOSED:
            return
        connection, mount, began = session.connection, session.mount, session.state is not SessionState.INIT
        self._sessions.remove(session)
        log.info(
            "session closed", session=session.id, role=session.role, mount=mount.path, peer=session.host, reason=reason
        )
        for place in {mount, session.place}:
            place.readers.discard(session.id)
        if mount.source is not None:
            mount.source.readers_changed()
        if began:
            self._events.append(SessionEnded(session, reason, len(mount.readers)))
        if session.role is Role.PUBLISHER:
            if vanished_at is not None and self._waits(mount):
                self._await_publisher(mount, session, reason, vanished_at)
            else:
                self.close_mount(mount, reason)
        else:
            for point in {mount, session.place}:
                if not point.closed:
                    point.placement.tell(commands.remove_reader(point, session))
        if connection is not None and not keep_connection:
            connection.close()

    def _waits(self, mount: Mount) -> bool:
        """Tell whether a mount whose publisher has vanished waits for another."""
        return mount.readable and self._settings.reconnect_grace_of(mount.path) > 0

    def _await_publisher(self, mount: Mount, vanished: Session, reason: str, now: float) -> None:
        """Keep a mount and its readers for another publisher; the time that it waits goes on where one has only tried
        to publish."""
        mount.publisher = ""
        if mount.state is not MountState.WAITING:
            grace_s = self._settings.reconnect_grace_of(mount.path)
            log.info("mount waits", mount=mount.path, readers=len(mount.readers), for_s=grace_s, reason=reason)
        mount.change(MountChange.VANISHED, now)
        mount.placement.tell(commands.stop_publisher(mount, vanished))

    def close_mount(self, mount: Mount, reason: str, *, claimant: Connection | None = None) -> None:
        """End a mount: its path is free at once, its publisher and readers are told by closing their connections.

        The connection of a `claimant` stays, whatever it had to do with the mount: it is about to publish there.
        """
        if mount.closed:
            return
        for point in (mount, *mount.replicas):
            point.placement.tell(commands.close_mount(point))
        self._mounts.remove(mount)
        self._multicast.release(mount)
        log.info("mount closed", mount=mount.path, worker=mount.placement.index, reason=reason)
        for session_id in [mount.publisher, *mount.readers]:
            session = self._sessions.get(session_id)
            if session is not None:
                keep = claimant is not None and session.connection is claimant
                self.close_session(session, f"mount closed: {reason}", keep_connection=keep)
        if mount.source is not None:
            mount.source.mount_closed(reason)
        self._events.append(MountEnded(mount, reason))

    def connection_ended(self, connection: Connection, reason: str, now: float) -> None:
        """Decide for each of a connection's sessions whether it can live without one."""
        for session in self._sessions.of(connection):
            self._sessions.move(session, None)
            session.orphaned = now
            publishing = session.state is SessionState.RECORDING
            silent = session.mount.state is MountState.SILENT
            lives_on = not session.interleaved and (session.role is Role.READER or (publishing and not silent))
            if not lives_on:
                self.close_session(session, f"its connection ended: {reason}", vanished_at=now)

    def mount_lost(self, mount: Mount, reason: str) -> None:
        """End a mount that its worker has no more. What a program publishes goes on elsewhere, without its readers."""
        if mount.source is None:
            self.close_mount(mount, reason)
            return
        log.warning("mount lost", mount=mount.path, worker=mount.placement.index, reason=reason)
        mount.placement.unplace()
        for replica in list(mount.replicas):
            replica.placement.tell(commands.close_mount(replica))
            self._mounts.remove_replica(replica)
        for session_id in list(mount.readers):
            session = self._sessions.get(session_id)
            if session is not None:
                self.close_session(session, reason)
        mount.source.worker_lost()

    def close_all(self, reason: str) -> None:
        for mount in self._mounts:
            self.close_mount(mount, reason)

    # -- time ------------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """End what has been without a sign of life for too long."""
        for session in self._sessions:
            if (reason := self._timeouts.of_session(session, now)) is not None:
                self.close_session(session, reason, vanished_at=now)
        for mount in self._mounts:
            if (reason := self._timeouts.of_mount(mount, now)) is not None:
                self.close_mount(mount, reason)
