"""Who comes in: credentials from settings and from hooks, and the mount check."""

import asyncio
import base64
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from router.access.authentication import MAX_WAIT_S, Access, Unauthorized, is_about
from router.access.guesses import BURST
from router.handlers.contexts import AccessContext, DescribeContext
from router.handlers.hook_handlers import ClientHooks, handlers_of
from router.handlers.hooks import Hooks
from router.rtsp.auth import HA1
from router.rtsp.errors import PeerError
from router.rtsp.message import Headers, Request
from router.settings import Auth
from router.state.sessions import Role

REQUEST = Request("DESCRIBE", "rtsp://h/cam", Headers())


class Client:
    host = "192.0.2.1"


CLIENT: Any = Client()
SERVER: Any = None
ACCESS = AccessContext(server=SERVER, connection=CLIENT, request=REQUEST, path="/cam", query="")
DESCRIBE = DescribeContext(
    server=SERVER, connection=CLIENT, session=None, request=REQUEST, path="/cam", query="", user="ann"
)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def digest(user: str, password: str, challenges: tuple[str, ...]) -> str:
    """Answer the Digest one of the challenges the way ffmpeg does: MD5, without qop."""
    (challenge,) = (each for each in challenges if each.startswith("Digest"))
    nonce = challenge.split('nonce="')[1].split('"')[0]
    realm = challenge.split('realm="')[1].split('"')[0]

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    response = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'DESCRIBE:{REQUEST.url}')}")
    return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{REQUEST.url}", response="{response}"'


def door(hooks: object = None, users: dict[str, str] | None = None) -> Access:
    secrets = {name: SecretStr(password) for name, password in (users or {}).items()}
    handlers = [each for each in handlers_of(Hooks(hooks, 1)) if each.role is Role.READER]
    return Access(handlers, secrets, Auth(failure_delay_s=0))


def check_mount(hooks: object) -> int | None:
    """Give the status that the readers' mount check refuses a DESCRIBE with."""
    handler = ClientHooks(Hooks(hooks, 1).client)
    refusal = asyncio.run(handler.ask("on_describe", DESCRIBE)) if "on_describe" in handler else None
    return None if refusal is None else int(refusal.status)


def authenticate(access: Access, authorization: str | None, now: float = 0.0) -> str:
    return asyncio.run(access.authenticate(ACCESS, authorization, now))


def challenges(access: Access, authorization: str | None = None, now: float = 0.0) -> tuple[str, ...]:
    with pytest.raises(Unauthorized) as refusal:
        authenticate(access, authorization, now)
    return refusal.value.challenges


def test_a_door_without_users_is_open() -> None:
    assert authenticate(door(), None) == ""


def test_users_of_the_settings_come_in_by_both_schemes() -> None:
    access = door(users={"ann": "secret"})
    offered = challenges(access)
    assert [each.split()[0] for each in offered] == ["Digest", "Basic"]
    assert authenticate(access, basic("ann", "secret")) == "ann"
    assert authenticate(access, digest("ann", "secret", offered)) == "ann"


@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("bob", "secret"), ("", "")])
def test_wrong_credentials_stay_out(user: str, password: str) -> None:
    access = door(users={"ann": "secret"})
    offered = challenges(access, basic(user, password))
    challenges(access, digest(user, password, offered))


def test_a_nonce_grows_old() -> None:
    access = door(users={"ann": "secret"})
    old = digest("ann", "secret", challenges(access))
    assert any("stale=true" in each.lower() for each in challenges(access, old, now=10_000))


def test_a_hook_that_wants_the_password_is_offered_basic_alone() -> None:
    access = door(SimpleNamespace(authentication=lambda user, password, request: password == user * 2))
    assert [each.split()[0] for each in challenges(access)] == ["Basic"]
    assert authenticate(access, basic("ab", "abab")) == "ab"
    challenges(access, basic("ab", "ab"))


@pytest.mark.parametrize("secret", ["secret", HA1(hashlib.md5(b"ann:Trunkline:secret").hexdigest())])
def test_a_hook_that_gives_the_secret_serves_both(secret: str) -> None:
    access = door(SimpleNamespace(credentials=lambda user: secret if user == "ann" else None))
    assert authenticate(access, digest("ann", "secret", challenges(access))) == "ann"
    assert authenticate(access, basic("ann", "secret")) == "ann"
    challenges(access, basic("bob", "secret"))


def test_a_hook_that_fails_denies() -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("database down")

    challenges(door(SimpleNamespace(authentication=broken)), basic("ann", "secret"))
    assert check_mount(SimpleNamespace(check_mount=broken)) == 403


@pytest.mark.parametrize(
    ("answer", "status"),
    [(True, None), (200, None), (False, 403), (None, 403), (404, 404), (503, 503), (7, 403), ("yes", 403), (1, 403)],
)
def test_the_mount_check_decides(answer: Any, status: int | None) -> None:
    assert check_mount(SimpleNamespace(check_mount=lambda request: answer)) == status


@pytest.mark.parametrize(
    ("uri", "asked", "good"),
    [
        ("rtsp://h/cam", "rtsp://h/cam", True),
        ("/cam", "rtsp://h/cam", True),
        ("cam", "rtsp://h/cam", True),
        ("rtsp://h/c%61m", "rtsp://h/cam", True),
        ("rtsp://other:5554/cam/trackID=0", "rtsp://h/cam/trackID=0", True),  # ffmpeg's and GStreamer's SETUP
        ("rtsp://h/cam/", "rtsp://h/cam/trackID=0", True),  # live555's
        ("rtsp://h/cam/?x=y", "rtsp://h/cam?x=y/trackID=0", True),
        ("rtsp://h/cam?x=y/trackID=0", "rtsp://h/cam?x=y/trackID=0", True),
        ("/cam/trackID=0", "rtsp://h/cam/trackID=0?x=y", True),
        ("rtsp://h/cam/?x=y", "rtsp://h/cam?x=y", True),
        ("rtsp://h/cam?x=z", "rtsp://h/cam?x=y", False),
        ("rtsp://h/cam/b", "rtsp://h/cam", False),
        ("rtsp://h/cam/trackID=1", "rtsp://h/cam/trackID=0", False),
        ("rtsp://h/other", "rtsp://h/cam", False),
        ("rtsp://h/camera", "rtsp://h/cam", False),
        ("rtsp://h/", "rtsp://h/cam", False),
        ("*", "rtsp://h/cam", False),
        ("", "rtsp://h/cam", False),
    ],
)
def test_a_proof_opens_no_other_mount(uri: str, asked: str, good: bool) -> None:
    assert is_about(uri, asked, "/cam", "x=y" if "x=y" in asked else "") is good


def test_a_nonce_serves_at_its_own_address_alone() -> None:
    access = door(users={"ann": "secret"})
    other: Any = SimpleNamespace(host="192.0.2.2")
    elsewhere = replace(ACCESS, connection=other)
    proof = digest("ann", "secret", challenges(access))
    with pytest.raises(Unauthorized) as refusal:
        asyncio.run(access.authenticate(elsewhere, proof, 0.0))
    assert any("stale=true" in each for each in refusal.value.challenges)
    assert authenticate(access, proof) == "ann"


def test_after_too_many_wrong_passwords_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    access = Access([], {"ann": SecretStr("secret")}, Auth(failure_delay_s=3))
    for _ in range(BURST):
        challenges(access, basic("ann", "wrong"))
    assert slept == [3] * BURST
    assert authenticate(access, basic("ann", "secret")) == "ann"  # in its turn
    assert slept[BURST:] == [3]
    for _ in range(3):
        challenges(access, basic("bob", "wrong"))
    with pytest.raises(PeerError) as refusal:
        authenticate(access, basic("bob", "secret"))
    assert refusal.value.status == 503
    assert slept[-1] == MAX_WAIT_S
    assert authenticate(access, basic("ann", "secret")) == "ann"  # known here
    assert slept[-1] == MAX_WAIT_S


def test_a_hook_that_fails_makes_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    failing = True

    async def credentials(user: str) -> str:
        if failing:
            raise RuntimeError("database down")
        return "secret"

    handlers = [
        each for each in handlers_of(Hooks(SimpleNamespace(credentials=credentials), 1)) if each.role is Role.READER
    ]
    access = Access(handlers, {}, Auth(failure_delay_s=1))
    for _ in range(2 * BURST):
        challenges(access, basic("ann", "secret"))
    failing = False
    assert authenticate(access, basic("ann", "secret")) == "ann"
    assert slept == [1] * 2 * BURST
