"""`trunkline front`: the front as a program. Signals, the ready line, the exit status.

Standard output carries two lines, `LISTENING` and the ready line. Whatever a hook prints goes to standard error.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from router import logs, runtime_dir
from router.listener import StartError
from router.programs import LISTENING, READY
from router.server import Server
from router.settings import Settings


def run(settings: Settings) -> int:
    """Run a front until a signal; give the exit status: 0 after a signal, 1 where it can't start or go on."""
    logs.configure(settings.log_level, settings.log_format)
    if settings.hooks is not None:
        # `python -m router` finds a module in the current directory, the `trunkline` script doesn't. Last, so that
        # nothing there stands in for a module of ours.
        sys.path.append(os.getcwd())
    say = _own_standard_output()
    try:
        runtime_dir.prepare(settings.runtime_dir)
        return asyncio.run(_serve(settings, say))
    except (runtime_dir.RuntimeDirError, StartError) as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1


async def _serve(settings: Settings, say: Callable[[str], None]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(settings)
    running = asyncio.create_task(_run(server, settings, say))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return 0
        running.result()
        return 1
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)
        await server.close()


async def _run(server: Server, settings: Settings, say: Callable[[str], None]) -> None:
    """Start a server, say so, and wait until it closes: by itself, as this ends earlier otherwise."""
    starting = asyncio.create_task(server.start())
    try:
        # One turn of the loop: what it waits for first is its workers, and by then ports and directory are its own.
        await asyncio.sleep(0)
        if not starting.done():
            say(LISTENING)
        await starting
    finally:
        starting.cancel()
    say(
        f"{READY}publish={server.publish_url} client={server.client_url}"
        f" workers={settings.worker_count} runtime={settings.runtime_dir}"
    )
    await server.wait_closed()


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
