"""How long sessions and mounts live without a sign of life. Pure; times are monotonic seconds."""

from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.mount_state import MountState
from router.state.mounts import Mount
from router.state.sessions import Role, Session


class Timeouts:
    """Says why something has to end by now; None where it may live on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of_mount(self, mount: Mount, now: float) -> str | None:
        """Judge a mount that waits for a publisher; one that is published ends with that."""
        if mount.state is not MountState.WAITING or mount.publisher:
            return None
        grace_s = self._settings.reconnect_grace_of(mount.path)
        return f"no publisher came back within {grace_s:g} s" if now - mount.life.since > grace_s else None

    def of_session(self, session: Session, now: float) -> str | None:
        """Judge a session by what its role and state ask for."""
        if session.role is Role.READER:
            return self._of_reader(session, now)
        if session.id == session.mount.last_publisher:
            return self._of_publisher(session, now)
        limit_s = (
            self._settings.publish_start_timeout_s
        )  # renewed by nothing: a path is not to be held without a stream
        return f"no RECORD within {limit_s:g} s of ANNOUNCE" if now - session.since > limit_s else None

    def _of_reader(self, session: Session, now: float) -> str | None:
        since, limit_s = session.heard, float(self._settings.session_timeout_s)
        if session.state is SessionState.PLAYING:
            if session.interleaved:
                return None  # its connection is its life; a stalled one is the worker's to end
        elif session.orphaned is not None:
            since, limit_s = session.orphaned, self._settings.handshake_timeout_s
        return f"no sign of life for {now - since:.0f} s" if now - since > limit_s else None

    def _of_publisher(self, session: Session, now: float) -> str | None:
        settings, mount = self._settings, session.mount
        if mount.state is MountState.STARTING:
            since, limit = mount.life.since, settings.publish_start_timeout_s
            if session.orphaned is not None:
                since, limit = session.orphaned, settings.stale_after_s
            return f"no RTP within {limit:g} s of RECORD" if now - since > limit else None
        if mount.state is not MountState.SILENT:
            return None
        silent = now - mount.life.since + settings.stale_after_s
        if session.orphaned is not None and now - session.orphaned > settings.stale_after_s:
            return f"its connection is lost and no RTP came for {silent:.0f} s"  # an earlier front may have heard of it
        return f"no RTP for {silent:.0f} s" if silent > settings.publish_timeout_s else None
