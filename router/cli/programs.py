"""`trunkline serve`, `front` and `worker`: the programs of a router; `gen`: the files that run them elsewhere."""

import os
import sys

from router.cli.given import check_hooks, fail, launchers_settings, load, settings_of
from router.cli.options import (
    FILES,
    SETTINGS,
    Check,
    Given,
    Index,
    Kind,
    Launched,
    Output,
    ProgramPath,
    User,
    with_options,
)


@with_options([*SETTINGS, *FILES])
def serve(given: Given, check_only: Check = False) -> None:
    """Run the router: front and workers, started again when they die.

    Where the programs of one that was killed still run in the same runtime directory, it takes them over.
    """
    settings = settings_of(given)
    check_hooks(settings)
    from router import logs
    from router.programs import launcher

    if check_only:  # a launcher asks before it becomes this code
        return
    logs.configure(settings.log_level, settings.log_format, program="launcher")
    sys.exit(launcher.run(settings))


@with_options([*SETTINGS, *FILES])
def front(given: Given, launched: Launched = False) -> None:
    """Run the front alone; its workers come by themselves."""
    settings = launchers_settings() if launched else settings_of(given)
    from router.cli import front as program

    sys.exit(program.run(settings))


@with_options([*SETTINGS, *FILES])
def worker(given: Given, index: Index) -> None:
    """Run one worker alone; it waits for its front, in any order of starting.

    It uses --index, --runtime-dir, --log-level and --log-format, and --workers to check the index. The other options
    are checked and left: all else comes from its front, as the front was told it. So give all programs of a router the
    same options, or the same file.
    """
    settings = settings_of(given)
    from router.programs import kinds
    from router.programs import runtime_dir as directory

    if settings.workers != "auto" and index >= settings.workers:  # else the front alone knows how many there are
        fail(
            2,
            f"--index {index}: with workers = {settings.workers} the last one is {settings.workers - 1};"
            " give front and workers the same --workers",
        )
    try:
        directory.prepare(settings.runtime_dir)
    except directory.RuntimeDirError as error:
        fail(1, str(error))
    command = kinds.worker_command(settings, index)
    os.execve(command[0], command, os.environ | kinds.environment())  # the supervisor's own variables too


@with_options(SETTINGS)
def gen(given: Given, kind: Kind, program: ProgramPath = None, user: User = "trunkline", output: Output = None) -> None:
    """Print the files that run this very router under a supervisor, for the settings given; see deploy/README.md."""
    from router.deployment import cli

    config = given.pop("config", None)
    settings = load(config, given)
    try:
        cli.generate_files(kind, settings, given, config, program=program, user=user, output=output)
    except cli.GenerateError as error:
        fail(2, str(error))
    except OSError as error:
        fail(1, f"{error.filename}: {error.strerror}")
