"""What a session's media amount to, as its worker counts it."""

from dataclasses import dataclass

from router.link.placement import PlacementError
from router.link.worker import WorkerError
from router.state.sessions import Role, Session
from workers.contract.commands import ReportState


@dataclass(frozen=True, slots=True)
class TrackStats:
    """One track of a publisher: what came, what its sequence numbers say was lost on the way (RFC 3550 A.3), and its
    jitter in seconds."""

    packets: int
    bytes: int
    lost: int
    jitter_s: float


@dataclass(frozen=True, slots=True)
class SessionStats:
    """RTP packets that came from a publisher, or packets, RTCP too, that went to a reader.

    `dropped` were meant for a reader that was too slow; `tracks` are a publisher's.
    """

    packets: int = 0
    dropped: int = 0
    tracks: tuple[TrackStats, ...] = ()


async def ask_stats(session: Session) -> SessionStats:
    """Ask a session's worker; nothing is known of a session without one, or of one that has ended."""
    mount, place = session.mount, session.place
    try:
        async with place.placement.use() as worker:
            reports = await worker.report(ReportState(place.path))
    except (PlacementError, WorkerError):
        return SessionStats()
    states = [each for report in reports for each in report.mounts if each.path == place.path]
    if not states:
        return SessionStats()
    if session.role is Role.READER:
        for reader in states[0].readers:
            if reader.session == session.id:
                return SessionStats(reader.packets_out, reader.dropped)
        return SessionStats()
    tracks = tuple(
        TrackStats(told.packets_in, told.bytes_in, told.lost, told.jitter / min(media.clock_rates.values(), default=1))
        for told, media in zip(states[0].tracks, mount.description.medias, strict=False)
    )
    return SessionStats(sum(each.packets for each in tracks), 0, tracks)
