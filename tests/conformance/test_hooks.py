"""A user's own functions: asked, told, and unable to harm anybody."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.clip import Clip
from tests.support.media import read
from tests.support.programs import run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.sdp import build_sdp
from tests.support.waiting import eventually

HOOK_TIMEOUT_S = 1.5

# Every call leaves a line in a file; what is decided stands in the path that is asked for.
HOOKS = """
import asyncio, json, os, sys, time

def note(side, name, **what):
    with open(os.environ["HOOK_CALLS"], "a") as file:
        file.write(json.dumps({"side": side, "name": name, **what}) + "\\n")

def decide(path):
    word = path.rpartition("/")[2]
    if word.isdecimal():
        return int(word)
    if word == "raise":
        raise RuntimeError("a hook that fails")
    if word == "exit":
        sys.exit(3)
    return {"deny": False, "none": None, "text": "yes"}.get(word, True)

class Sync:
    side = "publish"
    def check_mount(self, request):
        note(self.side, "check_mount", path=request.path, method=request.method, query=request.query,
             uri=request.uri, host=request.host, agent=request.headers.get("User-Agent"))
        if request.path.endswith("/hang"):
            time.sleep(3600)
        return decide(request.path)
    def mount_open(self, mount): note(self.side, "mount_open", path=mount.path)
    def mount_close(self, mount): note(self.side, "mount_close", path=mount.path)
    def client_close(self, mount): note(self.side, "client_close", path=mount.path)
    def mount_now_empty(self, mount): note(self.side, "mount_now_empty", path=mount.path)

class Async:
    side = "client"
    async def check_mount(self, request):
        note(self.side, "check_mount", path=request.path, method=request.method, query=request.query,
             uri=request.uri, host=request.host, agent=request.headers.get("User-Agent"))
        if request.path.endswith("/hang"):
            await asyncio.sleep(3600)
        return decide(request.path)
    async def mount_open(self, mount): note(self.side, "mount_open", path=mount.path)
    async def mount_close(self, mount): note(self.side, "mount_close", path=mount.path)
    async def client_close(self, mount):
        note(self.side, "client_close", path=mount.path)
        raise RuntimeError("a hook that hears and fails")
    async def mount_now_empty(self, mount):
        note(self.side, "mount_now_empty", path=mount.path)
        await asyncio.sleep(3600)

class hooks:
    publish = Sync()
    client = Async()
"""


class Calls:
    """The hooks' own record."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, path: str) -> list[dict[str, Any]]:
        """Return the calls about one mount, in order."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return [call for line in lines if (call := json.loads(line))["path"] == path]

    def names(self, path: str) -> list[str]:
        """Return the calls about one mount as `side.name`."""
        return [f"{call['side']}.{call['name']}" for call in self.of(path)]


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RouterProcess, Calls]]:
    """A router with sync hooks on the publish side and async ones on the client side, and their record."""
    file = tmp_path_factory.mktemp("hooks") / "calls"
    with RouterProcess(
        hooks=HOOKS, settings={"hook_timeout_s": HOOK_TIMEOUT_S}, environment={"HOOK_CALLS": str(file)}
    ) as router:
        yield router, Calls(file)


def test_the_story_of_a_mount(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    router, calls = hooked
    with Publisher(router.publish(path) + "?token=abc").start() as publisher:
        publisher.send(1)
        eventually(lambda: "publish.mount_open" in calls.names(path), "mount_open")
        with Reader(router.read(path)).start(), Reader(router.read(path)).start() as second:
            second.teardown()
            eventually(lambda: calls.names(path).count("client.client_close") == 1, "one client_close")
            assert "client.mount_now_empty" not in calls.names(path)
        with Reader(router.read(path)).start() as last:
            pass
        assert last.connection.closed
        publisher.teardown()
        eventually(lambda: "publish.mount_close" in calls.names(path), "mount_close")
    asked = [call for call in calls.of(path) if call["name"] == "check_mount"]
    assert {call["method"] for call in asked if call["side"] == "publish"} == {"ANNOUNCE"}
    assert "DESCRIBE" in {call["method"] for call in asked if call["side"] == "client"}
    (announced,) = [call for call in asked if call["side"] == "publish"]
    assert announced["query"] == "token=abc"
    assert announced["uri"] == router.publish(path) + "?token=abc"
    assert announced["host"] == "127.0.0.1"


def test_the_last_reader_leaves_a_mount_empty(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    router, calls = hooked
    with Publisher(router.publish(path)).start() as publisher:
        first, second = Reader(router.read(path)).start(), Reader(router.read(path)).start()
        with first, second:
            first.teardown()
            second.teardown()
            eventually(lambda: "client.mount_now_empty" in calls.names(path), "mount_now_empty")
            assert calls.names(path).count("client.mount_now_empty") == 1
            assert calls.names(path).count("client.client_close") == 2
        publisher.send(1)


DECISIONS = [("yes", 200), ("200", 200), ("deny", 403), ("none", 403), ("text", 403), ("raise", 403), ("hang", 403),
             ("exit", 403), ("404", 404), ("503", 503), ("451", 451), ("7", 403)]  # fmt: skip


@pytest.mark.parametrize(("word", "status"), DECISIONS)
def test_check_mount_of_a_publisher(hooked: tuple[RouterProcess, Calls], path: str, word: str, status: int) -> None:
    router, _ = hooked
    with Publisher(router.publish(f"{path}/{word}")) as publisher:
        publisher.announce(status)
        assert (router.mount(f"{path}/{word}") is not None) == (status == 200)


@pytest.mark.parametrize(("word", "status"), DECISIONS)
def test_check_mount_of_a_reader(hooked: tuple[RouterProcess, Calls], path: str, word: str, status: int) -> None:
    router, _ = hooked
    url = router.read(f"{path}/{word}")
    expected = 404 if status == 200 else status  # let in, it finds that nobody publishes there
    with RtspConnection(url) as connection:
        connection.expect(expected, "DESCRIBE", url)
        header = {"Transport": "RTP/AVP;unicast;client_port=40000-40001"}
        assert connection.request("SETUP", f"{url}/trackID=0", header).status in (expected, 404)


def test_setup_without_describe_is_checked_as_well(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    """A reader may know the track's URL from elsewhere."""
    router, calls = hooked
    with Publisher(router.publish(path)).start(), RtspConnection(router.client_url) as connection:
        header = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        connection.expect(200, "SETUP", f"{router.read(path)}/trackID=0", header)
        asked = [call for call in calls.of(path) if call["side"] == "client" and call["name"] == "check_mount"]
        assert [(call["method"], call["uri"]) for call in asked] == [("SETUP", router.read(path))]


def test_a_reader_is_checked_once_for_each_session(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    router, calls = hooked

    def asked() -> list[tuple[str, str]]:
        own = [call for call in calls.of(path) if call["side"] == "client" and call["name"] == "check_mount"]
        return [(call["method"], call["uri"]) for call in own]

    url = f"{router.read(path)}?token=x"
    with Publisher(router.publish(path), tracks=2).start(), Reader(url, transport="tcp") as reader:
        reader.start()
        assert asked() == [("DESCRIBE", url)]
        reader.teardown()
        headers = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": None}
        reader.connection.expect(200, "SETUP", f"{url}/trackID=1", headers)  # another session, without DESCRIBE
        assert asked() == [("DESCRIBE", url), ("SETUP", url)]


def test_a_check_of_one_mount_opens_no_other(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    router, _ = hooked
    denied = f"{path}-other/deny"
    with Publisher(router.publish(path)).start(), RtspConnection(router.client_url) as connection:
        connection.expect(200, "DESCRIBE", router.read(path))
        header = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        connection.expect(403, "SETUP", f"{router.read(denied)}/trackID=0", header)
        connection.expect(403, "DESCRIBE", router.read(denied))
        connection.expect(403, "SETUP", f"{router.read(denied)}/trackID=0", header)


def test_a_check_may_compare_the_mounts_url(start_router: StartRouter, path: str) -> None:
    hooks = f"""
class Client:
    def check_mount(self, request):
        return request.uri.endswith("{path}")
class hooks:
    publish, client = None, Client()
"""
    router = start_router(hooks=hooks)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)


def test_a_hook_with_the_wrong_arguments_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "my_hooks.py").write_text("def check_mount(request, mount): return True\n")
    done = run_program(
        "serve",
        "--hooks",
        "my_hooks",
        "--runtime-dir",
        str(tmp_path / "run"),
        environment={"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "check_mount(request, mount) can't be called" in done.stderr


@pytest.mark.parametrize("side", ["publish", "client"])
def test_a_hook_that_hangs_denies_in_time_and_holds_up_nobody(
    hooked: tuple[RouterProcess, Calls], path: str, side: str
) -> None:
    router, _ = hooked
    url = router.publish(f"{path}/hang") if side == "publish" else router.read(f"{path}/hang")
    with RtspConnection(url) as hanging, RtspConnection(router.client_url) as other:
        method, body = ("ANNOUNCE", build_sdp(["streamid=0"])) if side == "publish" else ("DESCRIBE", b"")
        started = time.monotonic()
        hanging.send(hanging.build(method, url, {"Content-Type": "application/sdp"}, body))
        other.expect(404, "DESCRIBE", router.read(path))
        assert time.monotonic() - started < HOOK_TIMEOUT_S, "it waited behind the hook that hangs"
        assert hanging.reply().status == 403
        assert time.monotonic() - started >= HOOK_TIMEOUT_S
    assert "check_mount" in "".join(line for line in router.log.splitlines() if "too long" in line)


def test_a_hook_that_raises_is_in_the_log_with_its_traceback(hooked: tuple[RouterProcess, Calls], path: str) -> None:
    router, _ = hooked
    url = router.read(f"{path}/raise")
    with RtspConnection(url) as connection:
        reply = connection.expect(403, "DESCRIBE", url)
    assert "a hook that fails" not in str(reply)
    eventually(lambda: "RuntimeError: a hook that fails" in router.log, "the traceback in the log")


@pytest.mark.parametrize("side", ["publish", "client"])
def test_a_hook_that_exits_leaves_the_front_alone(hooked: tuple[RouterProcess, Calls], path: str, side: str) -> None:
    router, _ = hooked
    front = router.status()["front"]["pid"]
    with RtspConnection(router.client_url) as bystander:
        bystander.expect(200, "OPTIONS", router.client_url)
        if side == "publish":
            with Publisher(router.publish(f"{path}/exit")) as publisher:
                publisher.announce(403)
        else:
            with Reader(router.read(f"{path}/exit")) as reader:
                reader.describe(403)
        bystander.expect(200, "OPTIONS", router.client_url)
    assert router.status()["front"]["pid"] == front


READERS, SESSIONS_EACH = 200, 20


def test_every_reader_that_leaves_is_told_of(start_router: StartRouter, path: str, tmp_path: Path) -> None:
    """All of them at once, and far more than there are threads for sync hooks."""
    hooks = """
import json, os
def client_close(mount):
    with open(os.environ["HOOK_CALLS"], "a") as file:
        file.write(json.dumps({"path": mount.path, "session": mount.session, "readers": mount.readers}) + "\\n")
def mount_now_empty(mount):
    client_close(mount)
import sys
hooks = sys.modules[__name__]
"""
    calls = Calls(tmp_path / "calls")
    router = start_router(hooks=hooks, environment={"HOOK_CALLS": str(tmp_path / "calls")}, workers=1)
    offer = {"Transport": "RTP/AVP;unicast;client_port=40000-40001", "Session": None}
    with Publisher(router.publish(path)).start() as publisher, ExitStack() as stack:
        sessions = set()
        for _ in range(READERS // SESSIONS_EACH):
            connection = stack.enter_context(RtspConnection(router.client_url))
            for _ in range(SESSIONS_EACH):
                sessions.add(connection.expect(200, "SETUP", f"{router.read(path)}/trackID=0", offer).session)
        assert len(sessions) == READERS
        publisher.teardown()
        eventually(lambda: len(calls.of(path)) > READERS, "a call for each, and one for the empty mount", 20)
    told = calls.of(path)
    assert {call["session"] for call in told} == sessions
    assert [call["readers"] for call in told] == [*range(READERS - 1, -1, -1), 0], "in the order in which they left"


def test_a_module_may_be_the_hooks(start_router: StartRouter, path: str) -> None:
    """One without sides serves both."""
    hooks = """
import sys
def check_mount(request):
    return request.path != "/closed"
hooks = sys.modules[__name__]
"""
    router = start_router(hooks=hooks)
    with Publisher(router.publish("/closed")) as publisher:
        publisher.announce(403)
    with Reader(router.read("/closed")) as reader:
        reader.describe(403)
    with Publisher(router.publish(path)).start(), Reader(router.read(path)).start():
        pass


def test_a_readers_check_may_start_a_publisher_and_wait_for_it(
    start_router: StartRouter, clip: Clip, path: str
) -> None:
    hooks = """
import asyncio, os
started = {}
class Client:
    async def check_mount(self, request):
        if request.path not in started:
            url = request.uri.partition(request.path)[0] + request.path
            opened[request.path] = asyncio.Event()
            started[request.path] = await asyncio.create_subprocess_exec(
                "ffmpeg", "-v", "error", "-re", "-i", os.environ["CLIP"], "-c", "copy", "-f", "rtsp", url)
        await opened[request.path].wait()
        return True
    def mount_now_empty(self, mount):
        started[mount.path].terminate()
opened = {}
class Publish:
    async def mount_open(self, mount):
        opened[mount.path].set()
class hooks:
    client = Client()
    publish = Publish()
"""
    router = start_router(hooks=hooks, one_port=True, environment={"CLIP": str(clip.path)})
    clip.check(read("ffmpeg", router.read(path), "tcp", video=10), video=10)
    eventually(lambda: router.mount(path) is None, "the publisher ended with its last reader", 20)
