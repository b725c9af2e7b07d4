"""Loads the hooks that settings name, and tries that before anything is started."""

import contextlib
import os
import sys

from router.handlers.calls import UserCodeError
from router.handlers.hooks import Hooks, load
from router.settings import Settings


def load_hooks(settings: Settings) -> object | None:
    """Load what `settings.hooks` names; None where it names nothing.

    Raises:
        UserCodeError: it can't be loaded.
    """
    if settings.hooks is None:
        return None
    # `python -m router` finds a module in the current directory, the `trunkline` script doesn't. Last, so that nothing
    # there stands in for a module of ours.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return load(settings.hooks)


def problem(settings: Settings) -> str | None:
    """Say why a front could not serve with the hooks of these settings; None if it could.

    They are loaded in a process of their own: a user's module may take ports or start threads as it is imported, and
    may print, and the program that asks wants none of that.
    """
    if settings.hooks is None:
        return None
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _try(settings, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        said = pipe.readline()  # not to the end: what a module starts may keep the pipe open
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if said == "ok\n":
        return None
    return said.rstrip("\n") or f"hooks {settings.hooks!r} can't be loaded: the process that tried ended with {status}"


def _try(settings: Settings, pipe: int) -> None:
    """Load the hooks, write `ok` or what is wrong as one line, and end this process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    verdict = ""
    with contextlib.suppress(
        BaseException
    ):  # sys.exit() in a module too: nothing may reach what the parent had in mind
        try:
            Hooks(load_hooks(settings), settings.hook_timeout_s)
            verdict = "ok"
        except UserCodeError as error:
            verdict = " ".join(str(error).split())
        except BaseException as error:
            verdict = f"hooks {settings.hooks!r} can't be loaded: {type(error).__name__}: {error}"
        os.write(pipe, f"{verdict}\n".encode())
    os._exit(0)
