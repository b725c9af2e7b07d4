"""Hooks: a user's own functions that decide who may come in, and hear who came and went.

A hooks object (or module) has a `publish` and a `client` side; one without them serves both sides itself. A side has
any of these, sync or async:

    authentication(username, password, request) -> bool     false: 401; it needs the password, so only Basic is offered
    credentials(username) -> str | HA1 | None               the password (or digest HA1) of a user, for Basic and Digest
    check_mount(request) -> bool | int                      false: 403, a number: that status
    client_close(mount)                                     a reader's session ended
    mount_now_empty(mount)                                  the last reader of a mount left
    mount_open(mount), mount_close(mount)                   a publisher's media begins, ends

A hook that raises or takes longer than the limit denies, and the log says so with its traceback.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.handlers.calls import Calls, UserCodeError
from router.handlers.handlers import check_signature, instance_of, misspelt
from router.logs import get_logger

log = get_logger(__name__)

ARGUMENTS = {
    "authentication": ("username", "password", "request"),
    "credentials": ("username",),
    "check_mount": ("request",),
    "client_close": ("mount",),
    "mount_now_empty": ("mount",),
    "mount_open": ("mount",),
    "mount_close": ("mount",),
}
"""What each hook takes."""
NAMES = tuple(ARGUMENTS)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """The request that a hook decides on.

    `uri` is the mount's URL as it was sent (SETUP's without the track), `path` and `query` are of it; `host` is the
    client's address, `user` who authenticated, "" while nobody has.
    """

    method: str
    uri: str
    path: str
    query: str
    headers: Mapping[str, str]
    host: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class HookMount:
    """The mount that a hook hears of, and the session that it is about: the publisher's, or the reader's that left.

    `readers` counts those that stay, `transport` is udp or tcp.
    """

    path: str
    readers: int
    session: str = ""
    user: str = ""
    host: str = ""
    transport: str = ""


def load(reference: str) -> object:
    """Import `MODULE:NAME` (or a whole `MODULE`).

    Raises:
        UserCodeError: there is no such module or name, or its import failed.
    """
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
        return getattr(module, name) if name else module
    except (Exception, SystemExit) as error:  # whatever a user's module does when it is imported
        raise UserCodeError(f"hooks {reference!r} can't be loaded: {type(error).__name__}: {error}") from error


def misspelt_hooks(hooks: object | None) -> list[tuple[str, str]]:
    """Find public functions that are named much like a hook and are none, with the hook that may be meant."""
    sources = (hooks, getattr(hooks, "publish", None), getattr(hooks, "client", None))
    return [found for source in sources if source is not None for found in misspelt(source, NAMES)]


class HookSide:
    """The hooks of one side, publish or client."""

    def __init__(self, hooks: object | None, side: str, timeout_s: float) -> None:
        source = instance_of(getattr(hooks, side, hooks))
        self._functions: dict[str, Callable[..., Any]] = {
            name: function for name in NAMES if callable(function := getattr(source, name, None))
        }
        for name, function in self._functions.items():
            check_signature(f"{side} hook", name, function, *ARGUMENTS[name])
        self.calls = Calls(f"{side} hook", timeout_s)

    def __bool__(self) -> bool:
        return bool(self._functions)

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    async def ask(self, name: str, *arguments: object) -> Any:
        """Call a hook that decides, and give what it gives.

        Raises:
            UserCodeError: it failed, which is in the log by then.
        """
        return await self.calls.ask(name, self._functions[name], *arguments)

    def tell(self, name: str, mount: HookMount) -> None:
        """Call a hook that only hears of something, and don't wait for it. What concerns one mount stays in order."""
        if name in self._functions:
            self.calls.tell((mount.path,), name, self._functions[name], mount)


class Hooks:
    """Both sides of a hooks object.

    Raises:
        UserCodeError: it has none of the hooks: whoever meant to keep somebody out would keep out nobody. Or one of
            them can't be called.
    """

    def __init__(self, hooks: object | None, timeout_s: float) -> None:
        hooks = instance_of(hooks)
        self.publish = HookSide(hooks, "publish", timeout_s)
        self.client = HookSide(hooks, "client", timeout_s)
        if hooks is not None and not any(name in side for name in NAMES for side in (self.publish, self.client)):
            raise UserCodeError(
                f"hooks {hooks!r:.80} have none of {', '.join(NAMES)}, neither itself nor as publish or client"
            )
        for name, meant in misspelt_hooks(hooks):
            log.warning("not a hook, is it misspelt?", name=name, hook=meant)
