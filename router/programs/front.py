"""`trunkline front`: the front as a program. Signals, the ready line, the exit status.

Standard output carries the ready line alone; a launcher, for whom it is a pipe, gets `LISTENING` before. Whatever a
hook prints goes to standard error.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from router import logs
from router.handlers.hooks import HookError
from router.handlers.hooks_check import load_hooks
from router.listener import StartError
from router.programs.commands import LISTENING, READY
from router.server import Server
from router.settings import Settings


def run(settings: Settings, *, launched: bool = False) -> int:
    """Run a front until a signal; one that a launcher started tells it once it listens.

    Gives the exit status: 0 after a signal, 1 where it can't start, 2 where the hooks of its settings are none.
    """
    logs.configure(settings.log_level, settings.log_format)
    say = _own_standard_output()
    try:
        hooks = load_hooks(settings)
        return asyncio.run(_serve(settings, hooks, say, launched))
    except (HookError, StartError) as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 2 if isinstance(error, HookError) or isinstance(error.__cause__, HookError) else 1


async def _serve(settings: Settings, hooks: object | None, say: Callable[[str], None], launched: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Server(settings.model_copy(update={"hooks": None}), hooks, workers_elsewhere=True) as server:
        if launched:
            say(LISTENING)
        announcing = asyncio.create_task(_announce(server, settings, say))
        await stop.wait()
        announcing.cancel()
    return 0


async def _announce(server: Server, settings: Settings, say: Callable[[str], None]) -> None:
    await server.wait_ready()
    say(
        f"{READY}publish={server.publish_url} client={server.client_url}"
        f" workers={settings.worker_count} runtime={settings.runtime_dir}"
    )


def _own_standard_output() -> Callable[[str], None]:
    """Keep standard output for ourselves, and let everybody else's share standard error.

    A launcher that is killed leaves a broken pipe there, on which a hook's `print` would fail.
    """
    descriptor = os.dup(1)
    os.dup2(2, 1)

    def say(line: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads; that is no reason to stop
            os.write(descriptor, f"{line}\n".encode())

    return say
