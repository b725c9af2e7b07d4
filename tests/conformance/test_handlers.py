"""A program's handler: told of everything in order and with its context, asked, and unable to harm anybody."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from router import Response, ServerConnection, ServerStream
from router.handlers import calls
from router.handlers.interface import NAMES
from tests.examples.handler import Cameras
from tests.support.clip import Clip
from tests.support.media import publish, read
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.rtsp import Credentials, RtspConnection
from tests.support.serving import Served, serving
from tests.support.streams import DESCRIPTION, WrittenTrack, check
from tests.support.waiting import eventually

TIMEOUT_S = 0.5
QUIET = ("on_request", "on_response")
DECISIONS = {
    "on_announce": "ANNOUNCE",
    "on_describe": "DESCRIBE",
    "on_setup": "SETUP",
    "on_play": "PLAY",
    "on_record": "RECORD",
    "on_pause": "PAUSE",
    "on_get_parameter": "GET_PARAMETER",
    "on_set_parameter": "SET_PARAMETER",
}
ASKED = ("on_authenticate", "on_credentials")


class Heard:
    """All calls of a handler that has every method but those that want to know who somebody is."""

    def __init__(self, *, sync: bool = False, without: tuple[str, ...] = ()) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Callable[[Any], Any]] = {}
        for name in NAMES:
            if name not in ASKED + without:
                setattr(self, name, self._sync(name) if sync else self._async(name))

    def _async(self, name: str) -> Callable[[Any], Any]:
        async def call(context: Any) -> Any:
            self.calls.append((name, context))
            answer = self.answers.get(name)
            result = None if answer is None else answer(context)
            return await result if asyncio.iscoroutine(result) else result

        return call

    def _sync(self, name: str) -> Callable[[Any], Any]:
        def call(context: Any) -> Any:
            self.calls.append((name, context))
            answer = self.answers.get(name)
            return None if answer is None else answer(context)

        return call

    def names(self, of: str | None = None, *, quiet: tuple[str, ...] = QUIET) -> list[str]:
        """Name the calls so far: all, or those that concern a session (by its id) or connection (by its port)."""
        return [name for name, context in list(self.calls) if name not in quiet and concerns(context, of)]

    def contexts(self, name: str) -> list[Any]:
        """Give the contexts of all calls of a method."""
        return [context for each, context in list(self.calls) if each == name]

    def wait_for(self, name: str, count: int = 1, timeout_s: float = 10.0) -> Any:
        """Wait for a call, and give its context."""
        eventually(lambda: len(self.contexts(name)) >= count, f"{count} {name} in {self.names(quiet=())}", timeout_s)
        return self.contexts(name)[count - 1]


def concerns(context: Any, of: str | None) -> bool:
    session, connection = getattr(context, "session", None), getattr(context, "connection", None)
    return of in (None, session and session.id, connection and str(connection.port))


def port_of(client: Publisher | Reader | RtspConnection) -> str:
    """Name a client's connection as contexts do."""
    return str((client if isinstance(client, RtspConnection) else client.connection).local_port)


PUBLISHED = ["on_connection_open", "on_announce", "on_session_open", "on_setup", "on_record", "on_mount_open"]
READ = ["on_connection_open", "on_describe", "on_setup", "on_session_open", "on_play"]


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_each_step_is_told_in_order_with_its_context(path: str, transport: str, sync: bool) -> None:
    heard = Heard(sync=sync)
    with serving(heard) as served:
        with Publisher(served.publish(path) + "?key=1", transport=transport).start() as publisher:
            publisher.send(1)
            publishing = publisher.connection.session
            assert publishing is not None
            at_publisher, calls_of_publisher = port_of(publisher), [*PUBLISHED]
            eventually(lambda: heard.names() == calls_of_publisher, "the publisher's calls")
            with Reader(served.read(path) + "?who=me", transport=transport) as reader:
                at_reader = port_of(reader)
                reader.start()
                reading = reader.connection.session
                assert reading is not None
                reader.pause()
                reader.play()
                reader.connection.expect(200, "GET_PARAMETER", reader.url)
                reader.connection.expect(451, "SET_PARAMETER", reader.url, {"Content-Type": "text/parameters"}, b"a: 1")
                reader.teardown()
                inside = [*READ, "on_pause", "on_play", "on_get_parameter", "on_set_parameter", "on_session_close"]
                eventually(lambda: len(heard.names()) >= len(PUBLISHED) + len(inside), "the reader's calls")
                assert heard.names()[len(PUBLISHED) :] == inside
            heard.wait_for("on_connection_close")
            assert heard.names()[len(PUBLISHED) :] == [*inside, "on_connection_close"]
            publisher.teardown()
        heard.wait_for("on_connection_close", 2)
        assert heard.names()[-3:] == ["on_session_close", "on_mount_close", "on_connection_close"]
        check_contexts(heard, served, path, transport, publishing, reading)
        for port in (at_publisher, at_reader):
            check_every_request_has_its_response(heard, port)


def check_contexts(heard: Heard, served: Served, path: str, transport: str, publishing: str, reading: str) -> None:
    for name, context in heard.calls:
        assert context.server is served.server, name
        if name in DECISIONS:
            assert context.request.method == DECISIONS[name]
            assert (context.path, context.user) == (path, ""), name
            assert context.connection.host == "127.0.0.1"
    assert [context.session.id for context in heard.contexts("on_session_open")] == [publishing, reading]
    closes = heard.contexts("on_session_close")
    assert [(each.session.id, each.reason, each.readers) for each in closes] == [
        (reading, "TEARDOWN", 0),
        (publishing, "TEARDOWN", 0),
    ]
    assert {each.session.transport for each in closes} == {transport}
    assert {each.session.state.value for each in closes} == {"closed"}
    assert [each.session.role.value for each in closes] == ["reader", "publisher"]
    (announced,), setups = heard.contexts("on_announce"), heard.contexts("on_setup")
    assert announced.query == "key=1"
    assert len(announced.description.medias) == 1
    assert [(each.publishes, each.transport) for each in setups] == [(True, transport), (False, transport)]
    assert setups[0].session is not None
    assert setups[1].session is None
    assert heard.contexts("on_play")[0].session.query == "who=me"
    assert heard.contexts("on_mount_close")[0].session.id == publishing
    opened, closed = heard.contexts("on_connection_open"), heard.contexts("on_connection_close")
    assert {each.connection for each in opened} == {each.connection for each in closed}, "the same objects"
    assert {each.reason for each in closed} == {"closed by the peer"}


def check_every_request_has_its_response(heard: Heard, port: str) -> None:
    """One after the other, and what is asked stands between."""
    waiting = None
    for name, context in heard.calls:
        if not concerns(context, port):
            continue
        if name == "on_request":
            assert waiting is None
            waiting = context.request
        elif name == "on_response":
            assert context.request is waiting
            assert ("CSeq", waiting.cseq) in context.response.headers
            waiting = None
        elif name in DECISIONS:
            assert context.request is waiting


class SlowCloses:
    """A handler that hears of ends alone; what it does at the end of a reader's session lasts until it is released."""

    def __init__(self) -> None:
        self.begun: dict[str, threading.Event] = {}
        """What releases each call that has begun, by the connection of its session; "" if that is not known."""
        self.told: list[tuple[str, str]] = []

    def on_session_close(self, context: Any) -> None:
        if context.session.role == "reader":
            connection = context.session.last_connection
            released = self.begun[connection] = threading.Event()
            released.wait()
            self.told.append(("session", connection))

    def on_connection_close(self, context: Any) -> None:
        self.told.append(("connection", context.connection.id))

    def has_told(self, count: int) -> bool:
        return len(self.told) >= count


def end_all(connections: list[ServerConnection]) -> None:
    for each in connections:
        each.close()


def test_sessions_that_end_at_once_wait_for_nothing_of_each_other(path: str) -> None:
    handler = SlowCloses()
    with serving(handler) as served, Publisher(served.publish(path)).start(), ExitStack() as readers:
        others = {each.id for each in served.server.connections}
        for _ in range(4):
            readers.enter_context(Reader(served.read(path), transport="tcp").start())
        ending = [each for each in served.server.connections if each.id not in others]
        try:
            served.call(end_all, ending)
            eventually(lambda: len(served.server.connections) == len(others), "the end of the readers' connections")
            eventually(lambda: handler.begun.keys() == {each.id for each in ending}, "four calls at a time")
            assert handler.told == [], "a connection's end is told after its session's"
            for count, (connection, released) in enumerate(handler.begun.items(), 1):
                released.set()
                eventually(partial(handler.has_told, 2 * count), "the end of a session and its connection")
                assert handler.told[-2:] == [("session", connection), ("connection", connection)]
        finally:
            for released in list(handler.begun.values()):
                released.set()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_client_that_vanishes(path: str, transport: str) -> None:
    heard = Heard()
    with (
        serving(heard, stale_after_s=0.3) as served,
        Publisher(served.publish(path), transport=transport).start() as publisher,
    ):
        publisher.send(1)
        with Reader(served.read(path), transport="tcp").start() as reader:
            reading = reader.connection.session
        heard.wait_for("on_session_close")
        closed = heard.wait_for("on_connection_close")
        assert heard.names(reading)[-1] == "on_session_close"
        assert "its connection ended" in heard.contexts("on_session_close")[0].reason
        assert heard.names()[-1] == "on_connection_close", "the last that is told of a connection"
        assert closed.connection.sessions == ()
        publishing = publisher.connection.session
        publisher.lose_connection()
        heard.wait_for("on_mount_close")
        ends = ["on_session_close", "on_mount_close"]
        if transport == "udp":  # the session outlives its connection, for as long as media comes
            ends = ["on_connection_close", *ends]
        else:
            heard.wait_for("on_connection_close", 2)
            ends = [*ends, "on_connection_close"]
        assert heard.names()[-3:] == ends
        assert heard.contexts("on_session_close")[-1].session.id == publishing
        assert served.server.sessions == ()


def test_a_session_that_times_out(path: str) -> None:
    heard = Heard()
    with (
        serving(heard, session_timeout_s=1, publish_timeout_s=0.6, stale_after_s=0.3) as served,
        Publisher(served.publish(path)).start() as publisher,
        Reader(served.read(path), punches=False).start() as reader,
    ):
        publisher.send(1)
        reading, publishing = reader.connection.session, publisher.connection.session

        def expired() -> bool:
            publisher.send(1)
            return "on_session_close" in heard.names(reading)

        eventually(expired, "the end of the silent reader")
        assert "no sign of life" in heard.contexts("on_session_close")[0].reason
        heard.wait_for("on_mount_close")
        assert heard.names(publishing)[-2:] == ["on_session_close", "on_mount_close"]
        assert "no RTP" in heard.contexts("on_session_close")[1].reason


def raise_base(context: Any) -> None:
    raise BaseExceptionGroup("all of them", [SystemExit()])


BROKEN: dict[str, Callable[[Any], Any]] = {
    "raises": lambda context: 1 / 0,
    "raises what is no Exception": raise_base,
    "hangs": lambda context: asyncio.Event().wait(),
    "answers nonsense": lambda context: "yes",
    "answers what can't be sent": lambda context: Response(200, (("X-Bad", "a\r\nb: c"),)),
}


@pytest.mark.parametrize("method", ["on_describe", "on_setup", "on_play", "on_announce", "on_record"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_handler_is_500_for_that_client_alone(
    path: str, method: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard(without=QUIET)
    heard.answers[method] = lambda context: BROKEN[how](context) if context.path.endswith("/broken") else None
    with (
        serving(heard, hook_timeout_s=TIMEOUT_S) as served,
        Publisher(served.publish(path)).start() as bystander,
        Reader(served.read(path)).start() as reader,
        Publisher(served.publish(f"{path}/broken")) as publisher,
        Reader(served.read(f"{path}/broken")) as victim,
    ):

        def start() -> None:
            publisher.start()
            victim.start()

        with pytest.raises(AssertionError, match="500"):
            start()
        bystander.send(5)
        reader.receive(5)
        reader.check(bystander)
        if method == "on_announce":
            assert served.call(lambda: len(served.server.sessions)) == 2
    told = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert told
    if how == "raises":
        assert "ZeroDivisionError" in caplog.text
    if how == "hangs":
        assert "in wait\n    await fut\n" in caplog.text, "where it hangs"


def test_a_handler_that_fails_after_the_default_leaves_nothing_behind(path: str) -> None:
    async def fail(context: Any) -> None:
        response = await context.default()
        assert response.status == 200
        assert context.session is not None
        raise RuntimeError("too late")

    heard = Heard()
    heard.answers |= {"on_announce": fail}
    with serving(heard) as served:
        with Publisher(served.publish(path)) as publisher:
            publisher.announce(500)
            assert heard.wait_for("on_session_close").reason == "on_announce failed"
            assert served.server.sessions == ()
        heard.answers.clear()
        with Publisher(served.publish(path)).start():
            heard.answers |= {"on_setup": fail, "on_play": fail}
            with Reader(served.read(path)) as reader:
                reader.describe()
                with pytest.raises(AssertionError, match="500"):
                    reader.set_up(0)
                heard.wait_for("on_session_close", 2)
                del heard.answers["on_setup"]
                reader.set_up(0)
                reader.play()  # its response was on its way before the handler failed


def test_a_handler_that_refuses_after_the_default_leaves_nothing_behind(path: str) -> None:
    async def refuse(context: Any) -> int:
        assert (await context.default()).status == 200
        return 403

    heard = Heard()
    heard.answers |= {"on_announce": refuse, "on_setup": lambda context: None if context.publishes else refuse(context)}
    with serving(heard) as served:
        with Publisher(served.publish(path)) as publisher:
            assert publisher.announce(403).get("Session") is None
            assert heard.wait_for("on_session_close").reason == "on_announce gave 403"
            assert served.server.sessions == ()
        del heard.answers["on_announce"]
        with Publisher(served.publish(path)).start(), Reader(served.read(path)) as reader:
            reader.describe()
            with pytest.raises(AssertionError, match="403"):
                reader.set_up(0)
            heard.wait_for("on_session_close", 2)
            del heard.answers["on_setup"]
            reader.set_up(0)
            reader.play()


def test_a_broken_notification_is_logged_and_nothing_else(path: str, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    heard.answers |= {
        "on_connection_open": lambda context: 1 / 0,
        "on_session_open": lambda context: asyncio.Event().wait(),
    }
    with (
        serving(heard, hook_timeout_s=TIMEOUT_S) as served,
        Publisher(served.publish(path)).start() as publisher,
        Reader(served.read(path)).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        reader.teardown()
        heard.wait_for("on_session_close")
        assert heard.names(reader.connection.session)[-1:] == ["on_session_close"]
    assert "ZeroDivisionError" in caplog.text
    assert "took too long" in caplog.text


def test_a_sync_handler_that_hangs_holds_up_nobody_else(path: str, caplog: pytest.LogCaptureFixture) -> None:
    released = threading.Event()
    heard = Heard(sync=True, without=QUIET)
    heard.answers["on_describe"] = lambda context: released.wait(60) if context.path == "/hangs" else None
    with (
        serving(heard, hook_timeout_s=TIMEOUT_S) as served,
        Publisher(served.publish(path)).start(),
        RtspConnection(served.server.client_url) as hanging,
    ):
        hanging.send(hanging.build("DESCRIBE", served.read("/hangs")))
        with Reader(served.read(path)).start():
            pass
        assert hanging.reply().status == 500
        released.set()
    assert "released.wait(60)" in caplog.text, "where its thread is"


def test_a_client_that_asks_faster_than_a_handler_hears_makes_nobody_else_unheard(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_TOLD", 12)
    monkeypatch.setattr(calls, "MAX_TOLD_OF_ONE", 4)
    requests = 20
    behind = threading.Event()
    heard = Heard(without=("on_response",))
    with serving(heard) as served, RtspConnection(served.server.client_url) as eager:
        heard.answers["on_request"] = lambda context: asyncio.to_thread(behind.wait, 60)
        try:
            eager.send(b"".join(eager.build("OPTIONS", "*") for _ in range(requests)))  # served in one go, if at all
            assert eager.reply().status == 200
            with RtspConnection(served.server.client_url) as other:
                assert heard.wait_for("on_connection_open", 2).connection.port == other.local_port
        finally:
            behind.set()
        for _ in range(requests - 1):
            assert eager.reply().status == 200
        heard.wait_for("on_request", requests)


def test_answers(path: str) -> None:
    heard = Heard()
    with serving(heard) as served, Publisher(served.publish(path)).start() as publisher:
        url = served.read(path)
        with Reader(url) as reader:
            heard.answers["on_describe"] = lambda context: 403
            assert reader.describe(403).get("Session") is None
            heard.answers["on_describe"] = lambda context: Response(302, (("Location", "rtsp://elsewhere/"),))
            assert reader.describe(302)["Location"] == "rtsp://elsewhere/"
            heard.answers["on_describe"] = lambda context: Response(200, (("X-Mine", "yes"), ("CSeq", "77")))
            reply = reader.describe()
            assert reply["X-Mine"] == "yes"
            assert len(reply.get_all("CSeq")) == 1
            heard.answers["on_describe"] = lambda context: Response(418, reason="I'm a teapot")
            assert reader.describe(418).reason == "I'm a teapot"

            async def more(context: Any) -> Any:
                response = await context.default()
                assert response is await context.default(), "done once"
                return replace(response, headers=(*response.headers, ("X-More", "yes")))

            for name in ("on_describe", "on_setup", "on_pause"):
                heard.answers[name] = more
            assert reader.describe()["X-More"] == "yes"
            assert reader.set_up(0)["X-More"] == "yes"
            publisher.send(1)
            eventually(lambda: heard_media(served), "the first packet's way to its worker")
            heard.answers["on_play"] = lambda context: Response(200, (("X-Play", "yes"),))
            reply = reader.play()
            assert reply["X-Play"] == "yes"
            assert "RTP-Info" in str(reply)
            assert reader.pause()["X-More"] == "yes"
            heard.answers["on_get_parameter"] = lambda context: Response(
                200, (("Content-Type", "text/parameters"),), b"volume: 7\r\n"
            )
            assert reader.connection.expect(200, "GET_PARAMETER", url).body == b"volume: 7\r\n"
            heard.answers["on_set_parameter"] = lambda context: 200
            reader.connection.expect(200, "SET_PARAMETER", url, {"Content-Type": "text/parameters"}, b"volume: 8")
            heard.answers["on_describe"] = lambda context: Response(200, (("Content-Type", "x/y"),), b"mine")
            assert reader.connection.expect(200, "DESCRIBE", served.read("/nowhere")).body == b"mine"


def heard_media(served: Served) -> bool:
    return all(each.state == "live" for each in served.call(lambda: list(served.server._front.mounts)))


def test_a_default_that_refuses_is_a_response(path: str) -> None:
    async def instead(context: Any) -> int:
        response = await context.default()
        return 451 if response.status == 404 else 500

    heard = Heard()
    heard.answers["on_describe"] = instead
    with serving(heard) as served, Reader(served.read(path)) as reader:
        reader.describe(451)


def test_a_stream_without_a_path_is_there_wherever_a_handler_says_so(path: str) -> None:
    heard = Heard()
    with serving(heard) as served:
        stream = served.call(ServerStream, served.server, DESCRIPTION)
        heard.answers["on_describe"] = lambda context: stream
        heard.answers["on_setup"] = lambda context: (Response(200, (("X-Stream", "yes"),)), stream)
        with Reader(served.read("/any/path?you=like")) as reader:
            reader.describe(404)  # it is not open yet
            served.run(stream.open())
            tracks = WrittenTrack(stream, 0), WrittenTrack(stream, 1)
            reader.describe()
            assert reader.set_up(0)["X-Stream"] == "yes"
            heard.answers.clear()
            reader.set_up(1)  # of the session's own stream, whatever is said of the path now
            reader.play()
            for track in tracks:
                served.call(track.write, 3)
            reader.receive(3)
            check(reader, *tracks)
            playing = heard.contexts("on_play")[0].session
            assert (playing.path, playing.query) == ("/any/path", "you=like")
            assert served.run(playing.stats()).packets >= 3, "and reports beside them"
            served.call(stream.close)
            reader.wait_ended()
            assert "closed by its program" in heard.wait_for("on_session_close").reason
        assert served.server.sessions == ()


def test_who_somebody_is(path: str) -> None:
    class Doors:
        def __init__(self) -> None:
            self.asked: list[tuple[str, str, str]] = []

        def on_credentials(self, context: Any) -> str | None:
            self.asked.append((context.username, context.path, context.request.method))
            return {"ann": "secret"}.get(context.username)

        async def on_authenticate(self, context: Any) -> bool:
            return bool(context.password == context.username * 2)

        async def on_play(self, context: Any) -> int | None:
            return None if context.user in ("ann", "bob") else 500

    doors = Doors()
    with serving(doors, auth={"failure_delay_s": 0}) as served:
        with Publisher(served.publish(path)) as nobody:
            nobody.announce(401)
        ann, bob = Credentials("ann", "secret"), Credentials("bob", "bobbob", scheme="basic")
        with Publisher(served.publish(path), credentials=ann).start():
            for credentials in (ann, bob):
                with Reader(served.read(path), credentials=credentials).start():
                    pass
            with Reader(served.read(path), credentials=Credentials("eve", "eve")) as eve:
                eve.describe(401)
    assert ("ann", path, "ANNOUNCE") in doors.asked
    assert ("ann", path, "DESCRIBE") in doors.asked


def test_only_what_can_be_done_is_public(path: str) -> None:
    class Readable:
        def on_describe(self, context: Any) -> int:
            return 404

    both = {"OPTIONS", "SETUP", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER"}
    nothing = {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"}
    with serving(Readable(), relay=False) as served:
        with RtspConnection(served.server.client_url) as connection:
            public = connection.expect(200, "OPTIONS", served.server.client_url)["Public"]
            assert set(public.split(", ")) == both | {"DESCRIBE", "PLAY"}
            connection.expect(404, "DESCRIBE", served.read(path))
        with Publisher(served.publish(path)) as publisher:
            public = publisher.connection.expect(200, "OPTIONS", served.server.publish_url)["Public"]
            assert set(public.split(", ")) == nothing
            assert set(publisher.announce(405)["Allow"].split(", ")) == nothing


def test_without_a_relay_a_stream_with_a_path_can_be_read_where_nobody_can_publish() -> None:
    class Publishable:
        def on_announce(self, context: Any) -> None: ...

    nothing = {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"}
    for handler, status in ((None, 200), (Publishable(), 405)):
        with serving(handler, relay=False) as served, RtspConnection(served.server.client_url) as connection:
            url = served.read("/made")
            assert set(connection.expect(200, "OPTIONS", url)["Public"].split(", ")) == nothing
            stream = served.call(ServerStream, served.server, DESCRIPTION, "/made")
            served.run(stream.open())
            connection.expect(status, "DESCRIBE", url)
            public = set(connection.expect(200, "OPTIONS", url)["Public"].split(", "))
            assert ("PLAY" in public) == (status == 200)


def test_a_program_may_close_sessions_and_connections(path: str) -> None:
    heard = Heard()
    with (
        serving(heard) as served,
        Publisher(served.publish(path)).start() as publisher,
        Reader(served.read(path)).start() as first,
        Reader(served.read(path), transport="tcp").start() as second,
        RtspConnection(served.server.client_url) as third,
    ):
        sessions = {each.id: each for each in served.server.sessions}
        one, two = sessions[str(first.connection.session)], sessions[str(second.connection.session)]
        one.user_data = "kept"
        served.call(one.close, "seen enough")
        first.wait_ended()
        closed = heard.wait_for("on_session_close")
        assert (closed.session, closed.session.user_data, closed.reason) == (one, "kept", "seen enough")
        assert two.connection is not None
        served.call(two.connection.close)
        second.wait_ended()
        assert heard.wait_for("on_session_close", 2).session is two
        third.expect(200, "OPTIONS", served.server.client_url)
        (idle,) = [each for each in served.server.connections if str(each.port) == port_of(third)]
        served.call(idle.close)
        third.wait_closed()
        publisher.send(1)


def test_a_sync_handler_may_close_sessions_connections_and_streams(path: str) -> None:
    heard = Heard(sync=True, without=QUIET)
    with (
        serving(heard) as served,
        Publisher(served.publish(path)).start(),
        Reader(served.read(path)).start() as reader,
        RtspConnection(served.server.client_url) as connection,
    ):
        heard.answers["on_pause"] = lambda context: context.session.close("seen enough")
        reader.connection.send(reader.connection.build("PAUSE", reader.url))
        reader.wait_ended()
        assert heard.wait_for("on_session_close").reason == "seen enough"
        heard.answers["on_get_parameter"] = lambda context: context.connection.close()
        connection.send(connection.build("GET_PARAMETER", reader.url))
        connection.wait_closed()
        stream = served.call(ServerStream, served.server, DESCRIPTION, "/made")
        served.run(stream.open())
        with Reader(served.read("/made")).start() as watching:
            heard.answers["on_get_parameter"] = lambda context: stream.close()
            watching.connection.send(watching.connection.build("GET_PARAMETER", watching.url))
            watching.wait_ended()
            assert "closed by its program" in heard.wait_for("on_session_close", 2).reason


def test_trouble_is_told(path: str) -> None:
    heard = Heard()
    with serving(heard) as served, Publisher(served.publish(path)).start() as publisher:
        publisher.send(1)
        publisher.tracks[0].skip(4)
        publisher.send(1)
        publisher.send_rtp(0, b"garbage")
        publisher.send_rtp(0, b"\x80\x7f" + bytes(40))
        assert heard.wait_for("on_packets_lost").packets == 4
        stats = served.run(heard.contexts("on_packets_lost")[0].session.stats())
        assert (stats.packets, [each.lost for each in stats.tracks]) == (2, [4])
        eventually(lambda: undecodable(heard) == (1, 1), "both that can't be used")
        ids = {each.session.id for each in heard.contexts("on_packets_lost") + heard.contexts("on_decode_error")}
        assert ids == {publisher.connection.session}


def undecodable(heard: Heard) -> tuple[int, int]:
    contexts = heard.contexts("on_decode_error")
    return sum(each.not_rtp for each in contexts), sum(each.wrong_payload_type for each in contexts)


def test_a_reader_that_can_not_be_served(path: str) -> None:
    heard = Heard(without=QUIET)
    with (
        serving(heard, write_timeout_s=1, write_queue_bytes=65536) as served,
        Publisher(served.publish(path), packet_bytes=1400).start() as publisher,
        Reader(
            served.read(path),
            transport="tcp",
            connection=RtspConnection(served.server.client_url, receive_buffer_bytes=4096),
        ).start() as stalled,
    ):

        def told() -> bool:
            publisher.send(20)
            return "on_session_close" in heard.names(stalled.connection.session)

        eventually(told, "the end of the stalled reader", 20)
        assert heard.names(stalled.connection.session)[-2:] == ["on_stream_write_error", "on_session_close"]
        error = heard.contexts("on_stream_write_error")[0]
        assert "read nothing" in error.reason
        assert error.session.id == stalled.connection.session


def test_a_handler_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="has none of on_connection_open"), serving(object()):
        pass


def test_the_readmes_example(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Cameras()) as served:
        with Publisher(served.publish("/elsewhere")) as refused:
            refused.announce(403)
        with Publisher(served.publish("/cameras/new")).start() as publisher, Reader(served.read("/old")) as reader:
            assert reader.describe(302)["Location"] == served.read("/cameras/new")
            publisher.send(1)
            publisher.tracks[0].skip(2)
            publisher.send(1)
            said = ""

            def says(words: str) -> bool:
                nonlocal said
                said += capsys.readouterr().out
                return words in said

            eventually(lambda: says("lost: /cameras/new 2"), "a loss")
        assert "announced: /cameras/new 200" in said
        eventually(lambda: says("left: publisher /cameras/new"), "its end")


def test_real_encoder_and_players(clip: Clip, path: str) -> None:
    heard = Heard(without=QUIET)
    with (
        serving(heard, session_timeout_s=2) as served,
        publish("ffmpeg", clip, served.publish(path), "udp") as encoder,
    ):
        heard.wait_for("on_mount_open", timeout_s=40)
        assert heard.names() == [
            *("on_connection_open", "on_announce", "on_session_open"),
            *("on_setup", "on_setup", "on_record", "on_mount_open"),
        ]
        (announced,) = heard.contexts("on_announce")
        assert [each.kind for each in announced.description.medias] == ["video", "audio"]
        before = len(heard.names())
        clip.check(read("ffmpeg", served.read(path), "udp", video=5), video=5)
        heard.wait_for("on_connection_close", timeout_s=40)
        assert heard.names()[before : before + 6] == [
            *("on_connection_open", "on_describe", "on_setup", "on_session_open", "on_setup", "on_play")
        ]
        before = len(heard.names())
        clip.check(read("gst", served.read(path), "tcp", video=5), video=5)
        heard.wait_for("on_session_close", 2, timeout_s=40)
        ours = [name for name in heard.names()[before:] if name != "on_get_parameter"]
        start = ours.index("on_describe")
        assert ours[start : start + 5] == ["on_describe", "on_setup", "on_session_open", "on_setup", "on_play"]
        encoder.interrupt()
        heard.wait_for("on_mount_close", timeout_s=40)
        assert heard.contexts("on_session_close")[-1].session is heard.contexts("on_mount_open")[0].session
