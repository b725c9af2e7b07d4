"""`trunkline gen`: what of its surroundings goes into the files, and where they go."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from router.deployment.generate import TARGETS, GenerateError, Wanted, generate, write
from router.settings import Settings
from router.settings.sources import CONFIG_VARIABLE, PREFIX, TESTS_PREFIX, unknown_variables

__all__ = ["GenerateError", "generate_files"]


def generate_files(
    target: str,
    settings: Settings,
    options: Mapping[str, str],
    config: Path | None,
    *,
    program: str | None,
    user: str,
    output: Path | None,
) -> None:
    """Print the files, or write them to `output`.

    Raises:
        GenerateError: there is no such target, or the files could not say what was asked for.
        OSError: a file can't be written.
    """
    if target not in TARGETS:
        raise GenerateError(f"{target}: must be {', '.join(TARGETS)}")
    if config is None and os.environ.get(CONFIG_VARIABLE):
        config = Path(os.environ[CONFIG_VARIABLE])
    # The programs won't have this environment, and passwords have no place in such files.
    alone = [name for name in os.environ if name.upper().startswith(PREFIX) and not name.startswith(TESTS_PREFIX)]
    alone = sorted({*alone} - {CONFIG_VARIABLE, *unknown_variables(os.environ)})
    if alone:
        raise GenerateError(f"{', '.join(alone)}: give it as an option or in a file, the programs won't have it")
    wanted = Wanted(
        settings,
        options,
        config=config.absolute() if config is not None else None,
        program=program or _this_program(),
        user=user,
        directory=Path.cwd() if settings.hooks is not None else None,
    )
    files = generate(target, wanted)
    if output is not None:
        write(output, files)
        return
    for name, text in files.items():
        if len(files) > 1:
            print(f"# ---- {name}")
        print(text, end="" if len(files) == 1 else "\n")


def _this_program() -> str:
    script = Path(sys.executable).with_name("trunkline")
    return shlex.quote(str(script)) if script.exists() else f"{shlex.quote(sys.executable)} -m router"
