"""Ends that handlers and hooks have yet to be told of: a worker keeps a note of each, for the front that comes next if
this one dies before."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from router.link.placement import Placement
from router.link.worker import Worker
from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.rtsp.sdp import SdpDocument
from router.rtsp.session_state import SessionState
from router.state.events import MountEnded, MountReady, PublisherReplaced, SessionEnded
from router.state.mounts import Mount
from router.state.records import END, SESSION, EndRecord, session_of, session_record
from router.state.sessions import Role, Session
from router.state.state import State
from router.tasks import Tasks
from workers.contract.codec import ContractError
from workers.contract.commands import ForgetNotes, KeepNote
from workers.contract.reports import Note

log = get_logger(__name__)

NOTHING = SdpDocument(None, (), ())
"""What is known of the medias of a mount that has ended."""


class Audience(Protocol):
    """Who is told of ends."""

    def hears(self, name: str, role: Role) -> bool:
        """Tell whether anybody hears of it, by the name of the handlers' method."""

    async def told(self) -> None:
        """Wait until they have heard of all that has happened so far."""


class EndNotes:
    """Has notes kept and forgotten, and tells of those that the front before left."""

    def __init__(self, state: State, audience: Audience, tasks: Tasks) -> None:
        self._state = state
        self._audience = audience
        self._tasks = tasks
        self._publishers: dict[Mount, Session] = {}
        self._kept: list[tuple[Worker, str]] = []
        state.events.subscribe(SessionEnded, self._session_ended)
        state.events.subscribe(MountReady, self._publisher_began)
        state.events.subscribe(PublisherReplaced, self._publisher_began)
        state.events.subscribe(MountEnded, self._mount_ended)

    # -- what ends -------------------------------------------------------------------------------------------------

    def _session_ended(self, event: SessionEnded) -> None:
        session = event.session
        if self._audience.hears("on_session_close", session.role):
            self._keep(session.place.placement, session, event.reason, event.readers, mount_ended=False)

    def _publisher_began(self, event: MountReady | PublisherReplaced) -> None:
        if event.publisher is not None:
            self._publishers[event.mount] = event.publisher

    def _mount_ended(self, event: MountEnded) -> None:
        publisher = self._publishers.pop(event.mount, None)
        if publisher is not None and self._audience.hears("on_mount_close", Role.PUBLISHER):
            self._keep(event.mount.placement, publisher, event.reason, 0, mount_ended=True)

    def _keep(self, placement: Placement, session: Session, reason: str, readers: int, *, mount_ended: bool) -> None:
        worker = placement.reached
        if worker is None:
            return
        record = EndRecord(
            session=session.id,
            role=session.role,
            record=session_record(session),
            path=session.mount.path,
            generation=session.mount.generation,
            reason=reason,
            readers=readers,
            mount_ended=mount_ended,
        )
        name = f"{'mount' if mount_ended else 'session'} {session.id}"
        worker.tell(KeepNote(name, END.pack(record)))
        self._forget_later(worker, name)

    # -- when all have heard ---------------------------------------------------------------------------------------

    def _forget_later(self, worker: Worker, name: str) -> None:
        self._kept.append((worker, name))
        if len(self._kept) == 1:
            self._tasks.run(self._forget_told())

    async def _forget_told(self) -> None:
        kept, self._kept = self._kept, []  # all that has ended in one turn of the loop
        await self._audience.told()
        self._forget(kept)

    def _forget(self, kept: Iterable[tuple[Worker, str]]) -> None:
        names: dict[Worker, list[str]] = {}
        for worker, name in kept:
            names.setdefault(worker, []).append(name)
        for worker, of_worker in names.items():
            worker.tell(ForgetNotes(tuple(of_worker)))

    def close(self) -> None:
        """Have all forgotten: a front that ends has told what it had time to."""
        self._forget(self._kept)
        self._kept = []

    # -- what the front before left --------------------------------------------------------------------------------

    def take(self, worker: Worker, notes: Iterable[Note]) -> None:
        """Tell of the ends that a worker has notes of, but for what goes on after all: its end is told when it ends."""
        for note in notes:
            try:
                self._tell(END.unpack(note.content))
            except (ContractError, PeerError, ValueError) as error:
                log.error("note of an end can't be read", worker=worker.index, note=note.name, reason=str(error))
            self._forget_later(worker, note.name)

    def _tell(self, record: EndRecord) -> None:
        events, now = self._state.events, asyncio.get_running_loop().time()
        held = self._state.mounts.get(record.path)
        if record.mount_ended and held is not None and held.generation == record.generation:
            return
        if not record.mount_ended and self._state.sessions.get(record.session) is not None:
            return
        mount = Mount(record.path, record.generation, now, NOTHING)
        told = SESSION.unpack(record.record)
        session = session_of(told, mount, record.session, Role(record.role), now)
        session.state = SessionState.CLOSED
        if record.mount_ended:
            events.append(MountReady(mount, session, restored=True))
            events.append(MountEnded(mount, record.reason))
        else:
            events.append(SessionEnded(session, record.reason, record.readers))
