"""The hooks as handlers: one for the publishers' side and one for the readers', beside a program's own."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from router.handlers.calls import UserCodeError
from router.handlers.clients import ServerConnection, ServerSession
from router.handlers.contexts import (
    AccessContext,
    AuthenticateContext,
    CredentialsContext,
    DecisionContext,
    DescribeContext,
    MountCloseContext,
    MountOpenContext,
    SessionCloseContext,
    SetupContext,
)
from router.handlers.handlers import Handler
from router.handlers.hooks import HookMount, HookRequest, Hooks, HookSide
from router.rtsp.control import candidates, mount_path
from router.rtsp.message import Response
from router.rtsp.status import REASONS
from router.rtsp.url import parse_url
from router.state.sessions import Role


def handlers_of(hooks: Hooks) -> list[Handler]:
    """Make the handlers of the sides that have hooks."""
    sides = ((hooks.publish, PublishHooks), (hooks.client, ClientHooks))
    return [handler(side) for side, handler in sides if side]


def hook_request(context: AccessContext | DecisionContext) -> HookRequest:
    """Say what hooks hear of a request."""
    request = context.request
    user = context.user if isinstance(context, DecisionContext) else ""
    headers = dict(request.headers.items())
    return HookRequest(
        request.method, mount_url(context), context.path, context.query, headers, context.connection.host, user
    )


def mount_url(context: AccessContext | DecisionContext) -> str:
    """Give the URL of the mount that a request is about: SETUP names a track of it."""
    if context.request.method != "SETUP":
        return context.request.url
    bases = candidates(parse_url(context.request.url))
    about = (str(each) for each in bases if (mount_path(each), each.query) == (context.path, context.query))
    return next(about, context.request.url)


def hook_mount(session: ServerSession, readers: int) -> HookMount:
    """Say what hooks hear of a session and its mount."""
    return HookMount(session.path, readers, session.id, session.user, session.host, session.transport)


class _SideHandler(Handler):
    """What both sides have: who somebody is, and whether they may have a mount. Its calls are the hooks' own."""

    def __init__(self, hooks: HookSide, role: Role) -> None:
        self.role = role
        self.calls = hooks.calls
        self._hooks = hooks
        self._asked: dict[str, Callable[[Any], Awaitable[object]]] = {}
        self._told: dict[str, Callable[[Any], None]] = {}
        # Only what a side has may be there: without either nobody is asked who they are.
        if "authentication" in hooks:
            self._asked["on_authenticate"] = self._authenticate
        if "credentials" in hooks:
            self._asked["on_credentials"] = self._credentials

    def __contains__(self, name: str) -> bool:
        return name in self._asked or name in self._told

    async def ask(self, name: str, context: object) -> Any:
        return await self._asked[name](context)

    def tell(self, keys: Sequence[Hashable], name: str, context: object) -> None:
        self._told[name](context)  # hooks hear in the order of their mounts

    async def _authenticate(self, context: AuthenticateContext) -> bool:
        arguments = context.username, context.password, hook_request(context)
        return await self._hooks.ask("authentication", *arguments) is True

    async def _credentials(self, context: CredentialsContext) -> str | None:
        secret = await self._hooks.ask("credentials", context.username)
        return secret if isinstance(secret, str) else None

    async def _check_mount(self, context: DecisionContext) -> Response | None:
        try:
            answer = await self._hooks.ask("check_mount", hook_request(context))
        except UserCodeError:
            return Response(403, reason=f"{REASONS[403]}: the mount check failed")
        if answer is True or (type(answer) is int and answer == 200):
            return None
        status = answer if type(answer) is int and 300 <= answer <= 599 else 403
        return Response(status, reason=f"{REASONS.get(status, 'Refused')}: refused by the mount check")


class PublishHooks(_SideHandler):
    """The hooks of the publishers' side."""

    def __init__(self, hooks: HookSide) -> None:
        super().__init__(hooks, Role.PUBLISHER)
        if "check_mount" in hooks:
            self._asked["on_announce"] = self._check_mount
        if "mount_open" in hooks:
            self._told["on_mount_open"] = self._mount_opened
        if "mount_close" in hooks:
            self._told["on_mount_close"] = self._mount_closed

    def _mount_opened(self, context: MountOpenContext) -> None:
        self._hooks.tell("mount_open", hook_mount(context.session, 0))

    def _mount_closed(self, context: MountCloseContext) -> None:
        self._hooks.tell("mount_close", hook_mount(context.session, 0))


class ClientHooks(_SideHandler):
    """The hooks of the readers' side."""

    def __init__(self, hooks: HookSide) -> None:
        super().__init__(hooks, Role.READER)
        self._described: WeakKeyDictionary[ServerConnection, tuple[str, str, str]] = WeakKeyDictionary()
        """Path, query and user that were let in by a connection's last DESCRIBE, and have begun no session yet."""
        if "check_mount" in hooks:
            self._asked |= {"on_describe": self._check_described, "on_setup": self._check_first}
        if "client_close" in hooks or "mount_now_empty" in hooks:
            self._told["on_session_close"] = self._session_closed

    async def _check_described(self, context: DescribeContext) -> Response | None:
        self._described.pop(context.connection, None)
        refusal = await self._check_mount(context)
        if refusal is None:
            self._described[context.connection] = (context.path, context.query, context.user)
        return refusal

    async def _check_first(self, context: SetupContext) -> Response | None:
        """Check the mount where a reader begins without DESCRIBE: it may know the track's URL from elsewhere."""
        if context.session is not None:
            return None
        described = self._described.pop(context.connection, None)
        return None if described == (context.path, context.query, context.user) else await self._check_mount(context)

    def _session_closed(self, context: SessionCloseContext) -> None:
        left = hook_mount(context.session, context.readers)
        self._hooks.tell("client_close", left)
        if not context.readers:
            self._hooks.tell("mount_now_empty", left)
