"""Who may do what: credentials from the settings or from hooks, and the mount check."""

import asyncio
import secrets
from collections.abc import Mapping

from pydantic import SecretStr

from router.handlers.hooks import HookError, HookRequest, HookSide
from router.logs import get_logger
from router.rtsp.auth import HA1, BasicCredentials, Challenger, DigestCredentials, Verdict, parse_authorization
from router.rtsp.control import candidates, mount_path
from router.rtsp.errors import PeerError
from router.rtsp.url import parse_url
from router.settings import Auth

log = get_logger(__name__)


class Unauthorized(PeerError):
    """401, with the challenges that go with it."""

    def __init__(self, reason: str, challenges: tuple[str, ...]) -> None:
        super().__init__(401, reason)
        self.challenges = challenges


def is_about(uri: str, path: str) -> bool:
    """Tell whether a Digest proof is for this mount, or for a track of it: a captured one opens no other mount.

    Clients hash the request's URL, its path alone, or the session's URL.
    """
    try:
        url = parse_url(uri) if "://" in uri else parse_url(f"rtsp://host/{uri.lstrip('/')}")
    except PeerError:
        return False
    return path in {mount_path(each) for each in (url, *candidates(url))}


class Access:
    """The door of one side, publish or client."""

    def __init__(self, hooks: HookSide, users: Mapping[str, SecretStr], auth: Auth) -> None:
        """Offer what can be served: a hook that wants the password can't serve Digest, which hides it."""
        self._hooks = hooks
        self._users = {name: secret.get_secret_value() for name, secret in users.items()}
        self._failure_delay_s = auth.failure_delay_s
        self._needs_password = "authentication" in hooks and "credentials" not in hooks
        self.open = not ("authentication" in hooks or "credentials" in hooks or users)
        schemes = ("basic",) if self._needs_password else auth.schemes
        self._challenger = Challenger(auth.realm, secrets.token_bytes(32), schemes, auth.nonce_lifetime_s)
        self._schemes = frozenset(schemes)

    async def authenticate(self, request: HookRequest, authorization: str | None, now: float) -> str:
        """Give the name of the user who sent the request, "" where nobody is asked who they are.

        Raises:
            Unauthorized: no credentials, or wrong ones (these after a delay), or stale ones.
            PeerError: 400 for a header that can't be read.
        """
        if self.open:
            return ""
        if authorization is None:
            raise Unauthorized("credentials needed", self._challenger.challenges(now))
        credentials = parse_authorization(authorization)
        verdict = await self._judge(credentials, request, now)
        if verdict is Verdict.GOOD:
            return credentials.username
        stale = verdict is Verdict.STALE
        if not stale:
            # One stable line, made for tools such as fail2ban.
            log.warning("authentication failed", peer=request.host, user=credentials.username, mount=request.path)
            await asyncio.sleep(self._failure_delay_s)
            now += self._failure_delay_s  # the new nonce is of when it leaves
        raise Unauthorized("wrong credentials", self._challenger.challenges(now, stale=stale))

    async def _judge(
        self, credentials: BasicCredentials | DigestCredentials, request: HookRequest, now: float
    ) -> Verdict:
        try:
            if isinstance(credentials, BasicCredentials):
                return await self._judge_basic(credentials, request)
            if self._needs_password:
                return Verdict.WRONG
            secret = await self._secret(credentials.username)
        except HookError:
            return Verdict.WRONG
        if secret is None or not is_about(credentials.uri, request.path):
            return Verdict.WRONG
        return self._challenger.check_digest(credentials, request.method, secret, now)

    async def _judge_basic(self, credentials: BasicCredentials, request: HookRequest) -> Verdict:
        if "basic" not in self._schemes:
            return Verdict.WRONG
        secret = await self._secret(credentials.username)
        good = secret is not None and self._challenger.check_basic(credentials, secret)
        if not good and "authentication" in self._hooks:
            answer = await self._hooks.ask("authentication", credentials.username, credentials.password, request)
            good = answer is True
        return Verdict.GOOD if good else Verdict.WRONG

    async def _secret(self, username: str) -> str | HA1 | None:
        if username in self._users:
            return self._users[username]
        if "credentials" not in self._hooks:
            return None
        secret = await self._hooks.ask("credentials", username)
        return secret if isinstance(secret, str) else None

    async def check_mount(self, request: HookRequest) -> None:
        """Ask the hook whether this mount may be used.

        Raises:
            PeerError: 403, or the status that the hook gave.
        """
        if "check_mount" not in self._hooks:
            return
        try:
            answer = await self._hooks.ask("check_mount", request)
        except HookError as error:
            raise PeerError(403, "the mount check failed") from error
        if answer is True or (type(answer) is int and answer == 200):
            return
        status = answer if type(answer) is int and 300 <= answer <= 599 else 403
        raise PeerError(status, "refused by the mount check")
