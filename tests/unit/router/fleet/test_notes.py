"""Ends that nobody was told of: noted at a worker, told by the next front, forgotten then."""

import asyncio
from typing import Any, cast

from router.fleet.notes import EndNotes
from router.link.worker import Worker
from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.events import FrontEvent, MountEnded, MountReady, SessionEnded
from router.state.mounts import Mount
from router.state.sessions import Role, Session
from router.state.state import State
from router.tasks import Tasks
from workers.contract.commands import ForgetNotes, KeepNote
from workers.contract.messages import Command
from workers.contract.reports import Note

SDP = parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", 32)


class Held:
    """A worker that keeps notes."""

    index, is_lost = 0, False

    def __init__(self) -> None:
        self.notes: dict[str, bytes] = {}

    def tell(self, command: Command) -> None:
        match command:
            case KeepNote():
                self.notes[command.name] = command.note
            case ForgetNotes():
                for name in command.names:
                    del self.notes[name]


class Audience:
    """Hears of all, once it is let."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def hears(self, name: str, role: Role) -> bool:
        return True

    async def told(self) -> None:
        await self.heard.wait()


def front(audience: Audience) -> tuple[State, EndNotes, list[FrontEvent]]:
    state, events = State.of(Settings()), list[FrontEvent]()
    for kind in (SessionEnded, MountReady, MountEnded):
        state.events.subscribe(kind, events.append)
    return state, EndNotes(state, audience, Tasks()), events


def a_session(state: State, worker: Held, role: Role) -> Session:
    mount = state.mounts.get("/cam") or state.mounts.add("/cam", SDP, 0.0)
    if mount.worker is None:
        mount.placement.arrived(cast(Worker, worker))
    url = "rtsp://server/cam?x"
    return Session(
        id=f"a {role}", role=role, host="192.0.2.1", mount=mount, url=url, user="carl", connection=None,
        timeout_s=60, since=1.0, heard=1.0, state=SessionState.CLOSED,
    )  # fmt: skip


def test_an_end_is_noted_until_it_is_told_and_told_by_the_next_front_otherwise() -> None:
    async def program() -> None:
        worker, audience = Held(), Audience()
        state, _, _ = front(audience)
        reader, publisher = a_session(state, worker, Role.READER), a_session(state, worker, Role.PUBLISHER)
        state.events.append(MountReady(publisher.mount, publisher))
        state.events.append(SessionEnded(reader, "TEARDOWN", 3))
        state.events.append(MountEnded(publisher.mount, "over"))
        assert sorted(worker.notes) == ["mount a publisher", "session a reader"]
        await asyncio.sleep(0.02)
        assert len(worker.notes) == 2, "nobody has heard of it yet"

        next_audience = Audience()
        _, notes, events = front(next_audience)
        notes.take(cast(Worker, worker), [Note(name, content) for name, content in worker.notes.items()])
        ended, ready, mount_ended = cast(Any, events)
        assert (ended.reason, ended.readers) == ("TEARDOWN", 3)
        assert (ended.session.id, ended.session.role, ended.session.url) == (reader.id, Role.READER, reader.url)
        assert ended.session.state is SessionState.CLOSED
        assert (ready.publisher.id, ready.restored) == (publisher.id, True)
        assert (mount_ended.mount.path, mount_ended.reason) == ("/cam", "over")

        next_audience.heard.set()
        await asyncio.sleep(0.02)
        assert worker.notes == {}

    asyncio.run(program())


def test_what_goes_on_after_all_is_not_told_as_ended() -> None:
    async def program() -> None:
        worker, audience = Held(), Audience()
        state, _, _ = front(audience)
        reader, publisher = a_session(state, worker, Role.READER), a_session(state, worker, Role.PUBLISHER)
        state.events.append(MountReady(publisher.mount, publisher))
        state.events.append(SessionEnded(reader, "TEARDOWN", 0))
        state.events.append(MountEnded(publisher.mount, "over"))

        restored, notes, events = front(Audience())
        again = Mount("/cam", reader.mount.generation, 0.0, SDP)
        restored.mounts.restore(again)
        restored.sessions.restore(reader)
        notes.take(cast(Worker, worker), [Note(name, content) for name, content in worker.notes.items()])
        assert events == []

    asyncio.run(program())


def test_a_note_that_can_not_be_read_harms_nobody() -> None:
    async def program() -> None:
        worker, audience = Held(), Audience()
        _, notes, events = front(audience)
        worker.notes["odd"] = b"odd"
        audience.heard.set()
        notes.take(cast(Worker, worker), [Note("odd", b"odd")])
        assert events == []
        await asyncio.sleep(0.02)
        assert worker.notes == {}

    asyncio.run(program())
