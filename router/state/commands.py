"""The commands that make workers be what mounts and sessions say: each kind is made here, and nowhere else."""

from collections.abc import Iterator

from router.link.placement import PlacementState
from router.rtsp.session_state import SessionState
from router.state.mount_state import MountState
from router.state.mounts import FanoutPoint, Mount
from router.state.records import mount_record, session_record
from router.state.sessions import Role, Session
from workers.contract.commands import (
    CloseMount,
    OpenMount,
    PauseReader,
    Play,
    Record,
    RemoveReader,
    SetUpReader,
    StopPublisher,
)
from workers.contract.parts import HandOff, TrackTransport, UdpTransport


def open_mount(mount: Mount) -> OpenMount:
    return OpenMount(mount.path, mount.generation, mount.tracks())


def reopen_mount(mount: Mount) -> OpenMount:
    """Open a mount, whose worker died, at another one, with its ports and what is known of its streams.

    The records of one that is published come with `Record`; of one that waits there is nothing else to bring them.
    """
    waits = mount.state is MountState.WAITING
    return OpenMount(
        path=mount.path,
        generation=mount.generation,
        tracks=mount.tracks(),
        ports=mount.rtp_ports,
        streams=mount.streams,
        record=mount_record(mount) if waits else b"",
        last_publisher=mount.last_publisher if waits else "",
        last_record=mount.last_record if waits else b"",
    )


def close_mount(point: FanoutPoint) -> CloseMount:
    return CloseMount(point.path, point.generation)


def set_up_reader(
    point: FanoutPoint, session: Session, transport: TrackTransport, *, elsewhere: bool = False
) -> SetUpReader:
    """Register a reader's track; at the owner of one that a replica serves, `elsewhere`."""
    return SetUpReader(point.path, point.generation, session.id, transport, elsewhere)


def stop_publisher(mount: Mount, session: Session) -> StopPublisher:
    """End a publisher whose mount waits for another."""
    return StopPublisher(mount.path, mount.generation, session.id)


def set_up_elsewhere(session: Session) -> Iterator[SetUpReader]:
    """Register at its mount's owner a reader that a replica serves: what comes by UDP comes there."""
    for each in session.transports.values():
        if isinstance(each.transport, UdpTransport):
            yield set_up_reader(session.mount, session, each, elsewhere=True)


def remove_reader(point: FanoutPoint, session: Session) -> RemoveReader:
    return RemoveReader(point.path, point.generation, session.id)


def pause(session: Session) -> PauseReader:
    return PauseReader(session.place.path, session.place.generation, session.id)


def record(
    session: Session, handoff: HandOff | None, *, connection: str, response: bytes, paused: bool = False
) -> Record:
    """Start a publisher; `paused`: let the worker remember that it sends nothing."""
    mount = session.mount
    return Record(
        path=mount.path,
        generation=mount.generation,
        session=session.id,
        connection=connection,
        handoff=handoff,
        transports=session.in_order(),
        response=response,
        mount_record=mount_record(mount),
        session_record=session_record(session),
        paused=paused,
    )


def play(
    session: Session,
    handoff: HandOff | None,
    *,
    connection: str,
    response_head: bytes,
    rtp_info_urls: tuple[str, ...] = (),
    paused: bool = False,
) -> Play:
    """Start a reader where it is served; `paused`: only its connection goes there."""
    return Play(
        path=session.place.path,
        generation=session.place.generation,
        session=session.id,
        connection=connection,
        handoff=handoff,
        transports=session.in_order(),
        response_head=response_head,
        rtp_info_urls=rtp_info_urls,
        record=session_record(session),
        paused=paused,
    )


def go_on(session: Session, handoff: HandOff | None = None) -> Record | Play:
    """Start a session that runs, or has run, at the worker that it goes on at. Its client gets no response."""
    connection = "" if session.connection is None else session.connection.id
    if session.role is Role.PUBLISHER:
        return record(session, handoff, connection=connection, response=b"", paused=not session.active)
    return play(session, handoff, connection=connection, response_head=b"", paused=not session.active)


def reader_goes_on(session: Session) -> Iterator[Record | Play | SetUpReader]:
    """Start a reader at a worker that did not serve it so far, or register it there if it does not play."""
    connection = session.connection
    waits = connection is not None and connection.placement.state is PlacementState.LOST
    if session.state is SessionState.PLAYING or waits:  # with the connection that a worker held, and is to be handed on
        yield go_on(session)
    else:
        for transport in session.in_order():
            yield set_up_reader(session.place, session, transport)
