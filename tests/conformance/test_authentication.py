"""Who may publish and read: Basic and Digest, by our own client and by real ones."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.clip import Clip
from tests.support.media import publish, read
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import Credentials, RtspConnection, authorization
from tests.support.waiting import eventually

ENCODER = Credentials("encoder", "pub pass:1")
VIEWER = Credentials("viewer", "s3cret-view")
SCHEMES = ("basic", "digest-md5", "digest-sha256")
FAILURE_DELAY_S = 1.0


def settings(**auth: Any) -> dict[str, Any]:
    users = {
        "publish_users": {ENCODER.username: ENCODER.password},
        "client_users": {VIEWER.username: VIEWER.password},
        "failure_delay_s": FAILURE_DELAY_S,
    }
    return {"auth": users | auth}


def using(credentials: Credentials, scheme: str) -> Credentials:
    return Credentials(credentials.username, credentials.password, scheme)


@pytest.fixture(scope="module")
def guarded() -> Iterator[RouterProcess]:
    """A router that knows one publisher and one reader, with the schemes that it offers by default."""
    with RouterProcess(settings=settings()) as router:
        yield router
        assert ENCODER.password not in router.log
        assert VIEWER.password not in router.log


@pytest.fixture(scope="module")
def guarded_by_all_schemes() -> Iterator[RouterProcess]:
    """The same with all schemes asked for, and nonces that soon expire."""
    with RouterProcess(settings=settings(schemes=list(SCHEMES), nonce_lifetime_s=1)) as router:
        yield router


def challenges(url: str, method: str) -> list[str]:
    with RtspConnection(url) as connection:
        return connection.expect(401, method, url, {"Content-Type": "application/sdp"}, b"").get_all("WWW-Authenticate")


def test_what_is_offered(guarded: RouterProcess, guarded_by_all_schemes: RouterProcess, path: str) -> None:
    for method, url in (("DESCRIBE", guarded.read(path)), ("ANNOUNCE", guarded.publish(path))):
        offered = challenges(url, method)
        assert sorted(each.split()[0] for each in offered) == ["Basic", "Digest"]
        assert "SHA-256" not in "".join(offered)  # offered by default, it breaks ffmpeg
    offered = challenges(guarded_by_all_schemes.read(path), "DESCRIBE")
    assert sorted(each.split()[0] for each in offered) == ["Basic", "Digest", "Digest"]
    assert sum("SHA-256" in each for each in offered) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_right_credentials(guarded_by_all_schemes: RouterProcess, path: str, scheme: str, transport: str) -> None:
    router = guarded_by_all_schemes
    with (
        Publisher(router.publish(path), credentials=using(ENCODER, scheme), transport=transport).start() as publisher,
        Reader(router.read(path), credentials=using(VIEWER, scheme), transport=transport).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)
        users = {each["role"]: each["user"] for each in router.status()["sessions"] if each["mount"] == path}
        assert set(users.values()) == {ENCODER.username, VIEWER.username}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("username", "password"),
    [
        (VIEWER.username, "wrong"),
        (VIEWER.username, ""),
        ("nobody", VIEWER.password),
        ("", ""),
        (ENCODER.username, ENCODER.password),  # may publish, not read
        (VIEWER.username.upper(), VIEWER.password),
        ("ünï", "cödé"),
    ],
)
def test_wrong_credentials(
    guarded_by_all_schemes: RouterProcess, path: str, scheme: str, username: str, password: str
) -> None:
    url = guarded_by_all_schemes.read(path)
    with RtspConnection(url, credentials=Credentials(username, password, scheme)) as connection:
        reply = connection.request("DESCRIBE", url)
        assert reply.status == 401
        assert reply.get_all("WWW-Authenticate")
        assert "stale=true" not in "".join(reply.get_all("WWW-Authenticate")).lower()


def test_wrong_credentials_are_answered_late_and_nobody_else_is(guarded: RouterProcess, path: str) -> None:
    url = guarded.read(path)
    with RtspConnection(url) as wrong, RtspConnection(url, credentials=VIEWER) as right:
        started = time.monotonic()
        asked = wrong.expect(401, "DESCRIBE", url).get_all("WWW-Authenticate")
        # The first question is no failure; what had waited would have taken the whole delay.
        assert time.monotonic() - started < FAILURE_DELAY_S
        bad = authorization(asked, Credentials(VIEWER.username, "wrong"), "DESCRIBE", url)
        started = time.monotonic()
        wrong.send(wrong.build("DESCRIBE", url, {"Authorization": bad}))
        right.expect(404, "DESCRIBE", url)
        assert time.monotonic() - started < FAILURE_DELAY_S, "it waited behind the other one"
        assert wrong.reply().status == 401
        assert time.monotonic() - started >= FAILURE_DELAY_S


@pytest.mark.parametrize(
    "value",
    ["", "Basic", "Basic !!!", "Basic " + "QQ" * 2000, "Digest", 'Digest username="x"', "Bearer abc", "Digest =,=,=",
     "\xff\xfe", "Basic dmlld2Vy"],
)  # fmt: skip
def test_malformed_credentials(guarded: RouterProcess, path: str, value: str) -> None:
    url = guarded.read(path)
    with RtspConnection(url) as connection:
        connection.send(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: {value}\r\n\r\n".encode("latin-1"))
        assert connection.reply().status in (400, 401)
        connection.expect(401, "DESCRIBE", url)


@pytest.mark.parametrize("scheme", SCHEMES[1:])
def test_a_nonce_that_expired_is_called_stale_and_a_new_one_serves(
    guarded_by_all_schemes: RouterProcess, path: str, scheme: str
) -> None:
    url = guarded_by_all_schemes.read(path)
    viewer = using(VIEWER, scheme)
    with RtspConnection(url) as connection:
        asked = connection.expect(401, "DESCRIBE", url).get_all("WWW-Authenticate")

        def answer(password: str) -> str | None:
            return authorization(asked, Credentials(viewer.username, password, scheme), "DESCRIBE", url)

        assert connection.request("DESCRIBE", url, {"Authorization": answer(viewer.password)}).status == 404

        def stale() -> list[str]:
            reply = connection.request("DESCRIBE", url, {"Authorization": answer(viewer.password)})
            return reply.get_all("WWW-Authenticate") if reply.status == 401 else []

        fresh = eventually(stale, "the nonce to expire", 5)
        assert any("stale=true" in each.replace('"', "").lower() for each in fresh)
        wrong = connection.expect(401, "DESCRIBE", url, {"Authorization": answer("wrong")})
        assert "stale=true" not in "".join(wrong.get_all("WWW-Authenticate")).replace('"', "").lower()
        again = connection.expect(401, "DESCRIBE", url).get_all("WWW-Authenticate")
        good = authorization(again, viewer, "DESCRIBE", url)
        connection.expect(404, "DESCRIBE", url, {"Authorization": good})


def test_a_nonce_that_is_not_ours(guarded: RouterProcess, path: str) -> None:
    url = guarded.read(path)
    made_up = ['Digest realm="Trunkline", nonce="0123456789abcdef0123456789abcdef", algorithm=MD5, qop="auth"']
    with RtspConnection(url) as connection:
        answer = authorization(made_up, VIEWER, "DESCRIBE", url)
        connection.expect(401, "DESCRIBE", url, {"Authorization": answer})


def test_a_nonce_serves_other_connections(guarded: RouterProcess, path: str) -> None:
    """go2rtc 1.9 uses the nonce of one connection on the next."""
    url = guarded.read(path)
    asked = [each for each in challenges(url, "DESCRIBE") if each.startswith("Digest")]
    with RtspConnection(url) as connection:
        answer = authorization(asked, VIEWER, "DESCRIBE", url)
        connection.expect(404, "DESCRIBE", url, {"Authorization": answer})


def test_a_digest_is_good_for_its_own_method_only(guarded: RouterProcess, path: str) -> None:
    url = guarded.read(path)
    asked = [each for each in challenges(url, "DESCRIBE") if each.startswith("Digest")]
    with RtspConnection(url) as connection:
        other = authorization(asked, VIEWER, "SETUP", url)
        connection.expect(401, "DESCRIBE", url, {"Authorization": other})


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP"])
def test_a_captured_digest_opens_no_other_mount(guarded: RouterProcess, path: str, method: str) -> None:
    own, other = guarded.read(path), guarded.read(f"{path}-other")
    track = "/trackID=0" if method == "SETUP" else ""
    with (
        Publisher(guarded.publish(path), credentials=ENCODER).start(),
        Publisher(guarded.publish(f"{path}-other"), credentials=ENCODER).start(),
        RtspConnection(own) as connection,
    ):
        captured = authorization(challenges(own, "DESCRIBE"), using(VIEWER, "digest-md5"), method, own + track)
        headers = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Authorization": captured}
        reply = connection.expect(401, method, other + track, headers)
        assert "stale=true" not in "".join(reply.get_all("WWW-Authenticate")).replace('"', "").lower()
        connection.expect(200, method, own + track, headers)


def test_a_captured_digest_opens_nothing_above_it(guarded: RouterProcess, path: str) -> None:
    below, above = guarded.read(f"{path}/a/b"), guarded.read(f"{path}/a")
    with RtspConnection(below) as connection:
        asked = [each for each in challenges(below, "DESCRIBE") if each.startswith("Digest")]
        captured = authorization(asked, VIEWER, "DESCRIBE", below)
        reply = connection.expect(401, "DESCRIBE", above, {"Authorization": captured})
        assert "stale=true" not in "".join(reply.get_all("WWW-Authenticate"))
        connection.expect(404, "DESCRIBE", below, {"Authorization": captured})


def test_a_captured_digest_serves_nobody_elsewhere(guarded: RouterProcess, path: str) -> None:
    url = guarded.read(path)
    asked = [each for each in challenges(url, "DESCRIBE") if each.startswith("Digest")]
    captured = authorization(asked, VIEWER, "DESCRIBE", url)
    with RtspConnection(url, source_host="127.0.0.2") as elsewhere, RtspConnection(url) as own:
        reply = elsewhere.expect(401, "DESCRIBE", url, {"Authorization": captured})
        fresh = reply.get_all("WWW-Authenticate")
        assert any("stale=true" in each for each in fresh)  # an honest client whose address changed goes on
        good = authorization([each for each in fresh if each.startswith("Digest")], VIEWER, "DESCRIBE", url)
        elsewhere.expect(404, "DESCRIBE", url, {"Authorization": good})
        own.expect(404, "DESCRIBE", url, {"Authorization": captured})


def test_a_counted_digest_is_good_once(guarded: RouterProcess, path: str) -> None:
    """A client that uses `qop`: the same proof again is stale, and the next is good."""
    url = guarded.read(path)
    with RtspConnection(url) as connection:

        def counted(asked: list[str]) -> str | None:
            digest = [f'{each}, qop="auth"' for each in asked if each.startswith("Digest")]
            return authorization(digest, VIEWER, "DESCRIBE", url)

        proof = counted(challenges(url, "DESCRIBE"))
        connection.expect(404, "DESCRIBE", url, {"Authorization": proof})
        fresh = connection.expect(401, "DESCRIBE", url, {"Authorization": proof}).get_all("WWW-Authenticate")
        assert any("stale=true" in each for each in fresh)
        connection.expect(404, "DESCRIBE", url, {"Authorization": counted(fresh)})


@pytest.mark.parametrize("query", ["", "?tok=1/2"])
def test_a_client_that_hashes_the_sessions_url_every_time(guarded: RouterProcess, path: str, query: str) -> None:
    """live555, and so VLC: from DESCRIBE's response on that is its Content-Base."""
    url = guarded.read(path) + query
    with (
        Publisher(guarded.publish(path), credentials=ENCODER).start(),
        RtspConnection(url) as connection,
    ):
        asked = [each for each in challenges(url, "DESCRIBE") if each.startswith("Digest")]
        described = connection.expect(
            200, "DESCRIBE", url, {"Authorization": authorization(asked, VIEWER, "DESCRIBE", url)}
        )
        base = described["Content-Base"]
        headers = {
            "Transport": "RTP/AVP/TCP;unicast;interleaved=0-1",
            "Authorization": authorization(asked, VIEWER, "SETUP", base),
        }
        connection.expect(200, "SETUP", f"{url}/trackID=0", headers)


def test_guesses_are_bounded_whatever_the_number_of_connections(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=settings(schemes=["basic"]))
    url = router.read(path)
    wrong = authorization(['Basic realm="x"'], Credentials(VIEWER.username, "wrong"), "DESCRIBE", url)

    def logged_in(host: str) -> float:
        started = time.monotonic()
        with RtspConnection(url, source_host=host, credentials=VIEWER) as viewer:
            viewer.expect(404, "DESCRIBE", url)
        return time.monotonic() - started

    logged_in("127.0.0.1")
    logged_in("127.0.0.3")
    judged = 0
    with ExitStack() as stack:
        hosts = ["127.0.0.1"] * 150 + ["127.0.0.2"] * 50
        guessers = [stack.enter_context(RtspConnection(url, source_host=host)) for host in hosts]
        request = {each: each.build("DESCRIBE", url, {"Authorization": wrong}) for each in guessers}
        for each in guessers:
            each.send(request[each])
        started = time.monotonic()
        while time.monotonic() - started < 5:
            for each in guessers:
                each.pump()
                try:
                    reply = each.reply(0.001)
                except AssertionError:
                    continue
                judged += reply.status == 401
                each.send(request[each])
        assert 3 <= judged <= 3 * 12 + 5 * 3  # two hosts and a user, each with a few at once and one a second
        assert logged_in("127.0.0.3") < FAILURE_DELAY_S  # a viewer who was there before
        assert logged_in("127.0.0.3") < FAILURE_DELAY_S
    assert router.log.count("authentication failed") <= 3 * 12 + 8 * 3


def test_requests_inside_a_session_are_not_challenged_again(guarded: RouterProcess, path: str) -> None:
    with (
        Publisher(guarded.publish(path), credentials=ENCODER).start() as publisher,
        Reader(guarded.read(path), credentials=VIEWER) as reader,
    ):
        reader.describe()
        reader.set_up(0)
        reader.connection.challenges = []  # from here on without Authorization
        reader.connection.credentials = None
        reader.play()
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        publisher.send(3)
        reader.receive(3)
        reader.connection.expect(401, "DESCRIBE", reader.url, {"Session": None})


def test_options_needs_no_credentials(guarded: RouterProcess, path: str) -> None:
    for url in (guarded.read(path), guarded.publish(path)):
        with RtspConnection(url) as connection:
            connection.expect(200, "OPTIONS", url)


def test_the_authentication_hook_alone_offers_basic_only(start_router: StartRouter, path: str) -> None:
    hooks = """
class Side:
    def authentication(self, username, password, request):
        return (username, password) == ("viewer", "s3cret-view") and request.path != "/forbidden"
class hooks:
    client = Side()
    publish = None
"""
    router = start_router(hooks=hooks, settings={"auth": {"failure_delay_s": 0.1}})
    with Publisher(router.publish(path)).start() as publisher:
        assert [each.split()[0] for each in challenges(router.read(path), "DESCRIBE")] == ["Basic"]
        with Reader(router.read(path), credentials=VIEWER).start() as reader:
            publisher.send(3)
            reader.receive(3)
        for wrong in (Credentials("viewer", "no"), Credentials("other", "s3cret-view")):
            with Reader(router.read(path), credentials=wrong) as reader:
                reader.describe(401)
        with Reader(router.read("/forbidden"), credentials=VIEWER) as reader:
            reader.describe(401)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_credentials_hook_serves_all_schemes(start_router: StartRouter, path: str, scheme: str) -> None:
    hooks = """
class hooks:
    @staticmethod
    async def credentials(username):
        return {"viewer": "s3cret-view", "empty": ""}.get(username)
"""
    router = start_router(hooks=hooks, settings={"auth": {"failure_delay_s": 0.1, "schemes": list(SCHEMES)}})
    viewer = using(VIEWER, scheme)
    with Publisher(router.publish(path), credentials=viewer).start() as publisher:
        with Reader(router.read(path), credentials=viewer).start() as reader:
            publisher.send(3)
            reader.receive(3)
        for wrong in (Credentials("viewer", "no", scheme), Credentials("nobody", "None", scheme)):
            with Reader(router.read(path), credentials=wrong) as reader:
                reader.describe(401)


def test_the_credentials_hook_may_give_an_ha1(start_router: StartRouter, path: str) -> None:
    hooks = """
import hashlib
from router.rtsp.auth import HA1
class hooks:
    @staticmethod
    def credentials(username):
        return HA1(hashlib.md5(b"viewer:Trunkline:s3cret-view").hexdigest()) if username == "viewer" else None
"""
    router = start_router(hooks=hooks, settings={"auth": {"failure_delay_s": 0.1}})
    for scheme in ("basic", "digest-md5"):
        with RtspConnection(router.client_url, credentials=using(VIEWER, scheme)) as connection:
            connection.expect(404, "DESCRIBE", router.read(path))
        with RtspConnection(router.client_url, credentials=Credentials("viewer", "no", scheme)) as connection:
            connection.expect(401, "DESCRIBE", router.read(path))


@pytest.mark.parametrize("scheme", ["basic", "digest-md5"])
@pytest.mark.parametrize("tool", ["ffmpeg", "gst"])
def test_real_clients(start_router: StartRouter, clip: Clip, path: str, tool: str, scheme: str) -> None:
    router = start_router(settings=settings(schemes=[scheme]))
    publish_url = router.publish(path).replace("rtsp://", "rtsp://encoder:pub%20pass%3A1@")
    read_url = router.read(path).replace("rtsp://", "rtsp://viewer:s3cret-view@")
    with publish(tool, clip, publish_url, "tcp") as encoder, RtspConnection(read_url) as waiting:
        waiting.credentials = VIEWER

        def described() -> bool:
            assert encoder.process.poll() is None, encoder.describe()
            return waiting.request("DESCRIBE", router.read(path)).status == 200

        eventually(described, "the mount", 20, interval_s=0.1)
        frames = read(tool, read_url, "udp", video=15)
        clip.check(frames, video=15)


@pytest.mark.parametrize("tool", ["ffmpeg", "gst"])
def test_real_clients_without_credentials_are_turned_away(
    guarded: RouterProcess, clip: Clip, path: str, tool: str
) -> None:
    with publish(tool, clip, guarded.publish(path), "tcp") as encoder:
        assert encoder.process.wait(20) != 0
    assert guarded.mount(path) is None
