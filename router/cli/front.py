"""`trunkline front`: the front as a program. Signals, the ready line, the exit status.

Standard output carries the ready line alone. Whatever a hook prints goes to standard error.
"""

import asyncio
import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Coroutine

from router import logs
from router.connections import passed
from router.connections.listeners import StartError
from router.handlers.calls import UserCodeError
from router.handlers.hooks_check import load_hooks
from router.programs.kinds import READY
from router.server import Server
from router.settings import Settings
from workers.shared.notify import Notifier, notifier


def run(settings: Settings) -> int:
    """Run a front until a signal.

    Gives the exit status: 0 after a signal, 1 where it can't start, 2 where the hooks of its settings are none.
    """
    logs.configure(settings.log_level, settings.log_format)
    say = _own_standard_output()
    try:
        supervisor, listeners = notifier(), passed.take(os.environ, os.getpid())
        hooks = load_hooks(settings)
        settings = settings.model_copy(update={"hooks": None})
        make = functools.partial(Server, settings, hooks, workers_elsewhere=True, passed=listeners)
        return asyncio.run(_serve(make, supervisor, say))
    except (UserCodeError, StartError) as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserCodeError) or isinstance(error.__cause__, UserCodeError) else 1


async def _serve(make: Callable[[], Server], supervisor: Notifier, say: Callable[[str], None]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with make() as server:
        supervisor.ready("waiting for workers")
        beating = asyncio.create_task(_beat(supervisor))  # to the very end: stopping must not hang either
        announcing = asyncio.create_task(_announce(server, supervisor, say))
        announcing.add_done_callback(lambda task: stop.set() if _failed(task) else None)
        await _first_of(stop.wait(), server.wait_closed())
        supervisor.stopping()
        announcing.cancel()
    beating.cancel()
    if _failed(announcing):
        announcing.result()  # raises what was in the way
    return 0


async def _first_of(*waits: Coroutine[None, None, object]) -> None:
    tasks = [asyncio.create_task(each) for each in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _beat(supervisor: Notifier) -> None:
    """Prove to the supervisor's watchdog that this loop turns."""
    while supervisor.alive_every_s is not None:
        supervisor.alive()
        await asyncio.sleep(supervisor.alive_every_s)


async def _announce(server: Server, supervisor: Notifier, say: Callable[[str], None]) -> None:
    await server.wait_ready()
    where = f"publish={server.publish_url} client={server.client_url} workers={server.settings.worker_count}"
    supervisor.status(f"serving {where}")
    say(f"{READY}{where} runtime={server.settings.runtime_dir}")


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
