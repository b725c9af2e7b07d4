"""The hooks as handlers: one for the publishers' side and one for the readers', written on the interface of all."""

from collections.abc import Callable

from router.handlers.calls import UserCodeError
from router.handlers.clients import ServerSession
from router.handlers.contexts import (
    AccessContext,
    AnnounceContext,
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
from router.rtsp.message import Response
from router.rtsp.status import REASONS
from router.state.sessions import Role


def handlers_of(hooks: Hooks) -> list[Handler]:
    """Make the handlers of the sides that have hooks. Each hook has its own time limit, so these need none."""
    handlers = [
        (hooks.publish, Handler(PublishHooks(hooks.publish), "publish hook", None, Role.PUBLISHER)),
        (hooks.client, Handler(ClientHooks(hooks.client), "client hook", None, Role.READER)),
    ]
    return [handler for side, handler in handlers if side]


def hook_request(context: AccessContext | DecisionContext) -> HookRequest:
    """Say what hooks hear of a request."""
    request = context.request
    user = context.user if isinstance(context, DecisionContext) else ""
    headers = dict(request.headers.items())
    return HookRequest(request.method, request.url, context.path, context.query, headers, context.connection.host, user)


def hook_mount(session: ServerSession, readers: int) -> HookMount:
    """Say what hooks hear of a session and its mount."""
    return HookMount(session.path, readers, session.id, session.user, session.host, session.transport)


class _Side:
    """What both sides have: who somebody is, and whether they may have a mount."""

    def __init__(self, hooks: HookSide) -> None:
        self._hooks = hooks
        # Only what a side has may be there: without either nobody is asked who they are.
        self.on_authenticate: Callable[..., object] | None = self._authenticate if "authentication" in hooks else None
        self.on_credentials: Callable[..., object] | None = self._credentials if "credentials" in hooks else None

    async def _authenticate(self, context: AuthenticateContext) -> bool:
        arguments = context.username, context.password, hook_request(context)
        return await self._hooks.ask("authentication", *arguments) is True

    async def _credentials(self, context: CredentialsContext) -> str | None:
        secret = await self._hooks.ask("credentials", context.username)
        return secret if isinstance(secret, str) else None

    async def _check_mount(self, context: DecisionContext) -> Response | None:
        if "check_mount" not in self._hooks:
            return None
        try:
            answer = await self._hooks.ask("check_mount", hook_request(context))
        except UserCodeError:
            return Response(403, reason=f"{REASONS[403]}: the mount check failed")
        if answer is True or (type(answer) is int and answer == 200):
            return None
        status = answer if type(answer) is int and 300 <= answer <= 599 else 403
        return Response(status, reason=f"{REASONS.get(status, 'Refused')}: refused by the mount check")


class PublishHooks(_Side):
    """The hooks of the publishers' side."""

    async def on_announce(self, context: AnnounceContext, /) -> Response | None:
        """Check the mount."""
        return await self._check_mount(context)

    async def on_mount_open(self, context: MountOpenContext, /) -> None:
        """Tell `mount_open`."""
        self._hooks.tell("mount_open", hook_mount(context.session, 0))

    async def on_mount_close(self, context: MountCloseContext, /) -> None:
        """Tell `mount_close`."""
        self._hooks.tell("mount_close", hook_mount(context.session, 0))


class ClientHooks(_Side):
    """The hooks of the readers' side."""

    async def on_describe(self, context: DescribeContext, /) -> Response | None:
        """Check the mount."""
        return await self._check_mount(context)

    async def on_setup(self, context: SetupContext, /) -> Response | None:
        """Check the mount where a reader begins: it may know the track's URL without DESCRIBE."""
        return None if context.session is not None else await self._check_mount(context)

    async def on_session_close(self, context: SessionCloseContext, /) -> None:
        """Tell `client_close`, and `mount_now_empty` of the last."""
        left = hook_mount(context.session, context.readers)
        self._hooks.tell("client_close", left)
        if not context.readers:
            self._hooks.tell("mount_now_empty", left)
