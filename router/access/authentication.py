"""Who somebody is: credentials from the settings or from handlers."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from router.access.guesses import Guesses
from router.connections.connection import Connection
from router.handlers.calls import UserCodeError
from router.handlers.clients import Clients
from router.handlers.contexts import AccessContext, AuthenticateContext, CredentialsContext
from router.handlers.handlers import Handler, Handlers
from router.host_log import HostLog
from router.logs import get_logger
from router.rtsp.auth import HA1, BasicCredentials, Challenger, DigestCredentials, Verdict, parse_authorization
from router.rtsp.control import mount_path
from router.rtsp.errors import PeerError
from router.rtsp.message import Request
from router.rtsp.url import RtspUrl, parse_url
from router.settings import Auth
from router.state.sessions import Role

log = get_logger(__name__)

MAX_WAIT_S = 10.0
"""How long a log-in waits to be judged after too many wrong ones: clients give up after 10 to 30 s."""


class Unauthorized(PeerError):
    """401, with the challenges that go with it."""

    def __init__(self, reason: str, challenges: tuple[str, ...]) -> None:
        super().__init__(401, reason)
        self.challenges = challenges


def is_about(uri: str, asked: str, path: str, query: str) -> bool:
    """Tell whether a Digest proof is for what was `asked` for: a captured one opens no other mount.

    Clients hash the request's URL as they send it (ffmpeg 5.1, GStreamer 1.22), its path alone, or the session's URL in
    every request (live555, and so VLC). `path` and `query` are the session's.
    """
    try:
        url = parse_url(uri) if "://" in uri else parse_url(f"rtsp://host/{uri.lstrip('/')}")
        request = parse_url(asked)
    except PeerError:
        return False
    return (mount_path(url), url.query or query) in ((path, query), (mount_path(request), request.query or query))


class Admission:
    """Finds out who sent a request, by the door of those who publish or of those who read."""

    def __init__(self, handlers: Handlers, clients: Clients, auth: Auth) -> None:
        self._clients = clients
        users = {Role.PUBLISHER: auth.publish_users, Role.READER: auth.client_users}
        guesses = Guesses(auth.failure_delay_s)
        self._doors = {role: Access(handlers.of(role), users[role], auth, guesses) for role in Role}

    async def authenticate(self, role: Role, connection: Connection, request: Request, about: RtspUrl) -> str:
        """Give the name of who sent a request about a stream, as `Access.authenticate` does."""
        door = self._doors[role]
        if door.open:
            return ""
        context = AccessContext(
            server=self._clients.server,
            connection=self._clients.connection(connection),
            request=request,
            path=mount_path(about),
            query=about.query,
        )
        now = asyncio.get_running_loop().time()
        return await door.authenticate(context, request.headers.get("Authorization"), now)


class Access:
    """The door of one side, publish or client."""

    def __init__(
        self, handlers: Sequence[Handler], users: Mapping[str, SecretStr], auth: Auth, guesses: Guesses | None = None
    ) -> None:
        """Offer what can be served: a handler that wants the password can't serve Digest, which hides it.

        `guesses` are counted together with another side's.
        """
        self._guesses = Guesses(auth.failure_delay_s) if guesses is None else guesses
        self._judges = [each for each in handlers if "on_authenticate" in each]
        self._sources = [each for each in handlers if "on_credentials" in each]
        self._users = {name: secret.get_secret_value() for name, secret in users.items()}
        self._failure_delay_s = auth.failure_delay_s
        self._log = HostLog(log)
        self._needs_password = bool(self._judges) and not self._sources
        self.open = not (self._judges or self._sources or users)
        schemes = ("basic",) if self._needs_password else auth.schemes
        self._challenger = Challenger(auth.realm, secrets.token_bytes(32), schemes, auth.nonce_lifetime_s)
        self._schemes = frozenset(schemes)

    async def authenticate(self, context: AccessContext, authorization: str | None, now: float) -> str:
        """Give the name of the user who sent the request, "" where nobody is asked who they are.

        Raises:
            Unauthorized: no credentials, or wrong ones (these after a delay), or stale ones.
            PeerError: 400 for a header that can't be read, 503 after too many wrong ones.
        """
        if self.open:
            return ""
        host = context.connection.host
        if authorization is None:
            raise Unauthorized("credentials needed", self._challenger.challenges(now, host=host))
        credentials = parse_authorization(authorization)
        now = await self._wait_turn(host, credentials.username, now)
        attempt = self._guesses.begin(host, credentials.username, now)
        try:
            verdict = await self._judge(credentials, context, now)
        except UserCodeError:  # in the log by then; nobody was judged
            verdict = Verdict.WRONG
            self._guesses.dropped(attempt)
        else:
            if verdict is Verdict.GOOD:
                self._guesses.succeeded(attempt)
                return credentials.username
            if verdict is Verdict.STALE:
                self._guesses.dropped(attempt)
                raise Unauthorized("stale credentials", self._challenger.challenges(now, stale=True, host=host))
            self._guesses.failed(attempt, now)
        # One stable line, made for tools such as fail2ban.
        self._log.warning("authentication failed", host, peer=host, user=credentials.username, mount=context.path)
        await asyncio.sleep(self._failure_delay_s)
        now += self._failure_delay_s  # the new nonce is of when it leaves
        raise Unauthorized("wrong credentials", self._challenger.challenges(now, host=host))

    async def _wait_turn(self, host: str, user: str, now: float) -> float:
        """Wait until a log-in may be judged, after too many wrong ones; give the time then.

        Raises:
            PeerError: 503 where that takes too long.
        """
        until = now + MAX_WAIT_S
        while (wait_s := self._guesses.wait_s(host, user, now)) > 0:
            if now + wait_s > until:
                await asyncio.sleep(until - now)
                raise PeerError(503, "too many failed log-ins; try again later")
            await asyncio.sleep(wait_s)
            now += wait_s
        return now

    async def _judge(
        self, credentials: BasicCredentials | DigestCredentials, context: AccessContext, now: float
    ) -> Verdict:
        if isinstance(credentials, BasicCredentials):
            return await self._judge_basic(credentials, context)
        if self._needs_password:
            return Verdict.WRONG
        secret = await self._secret(credentials.username, context)
        if secret is None or not is_about(credentials.uri, context.request.url, context.path, context.query):
            return Verdict.WRONG
        host = context.connection.host
        return self._challenger.check_digest(credentials, context.request.method, secret, now, host=host)

    async def _judge_basic(self, credentials: BasicCredentials, context: AccessContext) -> Verdict:
        if "basic" not in self._schemes:
            return Verdict.WRONG
        secret = await self._secret(credentials.username, context)
        if secret is not None and self._challenger.check_basic(credentials, secret):
            return Verdict.GOOD
        for handler in self._judges:
            asked = AuthenticateContext(
                server=context.server,
                connection=context.connection,
                request=context.request,
                path=context.path,
                query=context.query,
                username=credentials.username,
                password=credentials.password,
            )
            if await handler.ask("on_authenticate", asked) is True:
                return Verdict.GOOD
        return Verdict.WRONG

    async def _secret(self, username: str, context: AccessContext) -> str | HA1 | None:
        if username in self._users:
            return self._users[username]
        for handler in self._sources:
            asked = CredentialsContext(
                server=context.server,
                connection=context.connection,
                request=context.request,
                path=context.path,
                query=context.query,
                username=username,
            )
            secret = await handler.ask("on_credentials", asked)
            if isinstance(secret, str):
                return secret
        return None
