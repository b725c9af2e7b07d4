"""The options that several commands have.

Settings are text here: their own checks say what is wrong, the same way for every source.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from router.settings import Settings


def help_of(setting: str) -> str:
    """Describe a setting, with its default."""
    field = Settings.model_fields[setting]
    default = f" (default: {field.default})" if field.default and field.default_factory is None else ""
    return f"{field.description}{default}"


Config = Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file with settings, else $TRUNKLINE_CONFIG")]
RuntimeDir = Annotated[str | None, typer.Option(metavar="DIR", help=help_of("runtime_dir"))]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file", metavar="/PATH=FILE", help="a file for readers, from the first of them to the last; repeatable"
    ),
]
Loop = Annotated[bool, typer.Option("--loop", help="begin each --file anew at its end, without a jump")]
Index = Annotated[int, typer.Option(metavar="I", min=0, max=1023, help="which worker of the router it is, from 0 on")]
MountPath = Annotated[str, typer.Argument(metavar="MOUNT", help="the mount's path, such as /stream1")]
ToWorker = Annotated[int, typer.Option("--to", metavar="WORKER", min=0, max=1023, help="the worker that gets it")]
WorkerIndex = Annotated[int, typer.Argument(metavar="WORKER", min=0, max=1023, help="which worker, from 0 on")]
Rolling = Annotated[bool, typer.Option("--rolling", help="one after the other, each drained before it ends")]
Launched = Annotated[bool, typer.Option("--launched", hidden=True)]
Check = Annotated[bool, typer.Option("--check", hidden=True)]
Kind = Annotated[str, typer.Argument(metavar="supervisor|systemd|container|sysctl", help="what the files are for")]
ProgramPath = Annotated[str | None, typer.Option("--program", metavar="PATH", help="trunkline (default: this one)")]
User = Annotated[str, typer.Option(metavar="NAME", help="user that the programs run as")]
Output = Annotated[Path | None, typer.Option(metavar="DIR", help="write the files there, and print none")]
AsJson = Annotated[bool, typer.Option("--json", help="print the whole document, for programs")]
File = Annotated[Path | None, typer.Argument(metavar="FILE", help="TOML file with settings, else $TRUNKLINE_CONFIG")]

METAVARS = {
    "host": "ADDR", "publish_port": "PORT", "client_port": "PORT", "rtp_port_start": "PORT", "rtp_port_count": "N",
    "workers": "auto|N", "hooks": "MODULE:NAME", "runtime_dir": "DIR", "log_level": "LEVEL", "log_format": "text|json",
}  # fmt: skip
"""The settings that are options of each program, and what stands for their values in its help."""


Given = dict[str, Any]
"""The options with settings that a command was given, by their names in Python."""


def _parameter(name: str, annotation: object, default: object = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


SETTINGS = [
    _parameter("config", Config),
    *(
        _parameter(name, Annotated[str | None, typer.Option(metavar=metavar, help=help_of(name))])
        for name, metavar in METAVARS.items()
    ),
]
FILES = [_parameter("file", Files), _parameter("loop", Loop, default=False)]


def with_options(options: Sequence[inspect.Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command more options; its first argument is those of them that it was given."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        names = [each.name for each in options]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            given = {name: values.pop(name) for name in names if name in values}
            command({name: value for name, value in given.items() if value is not None}, **values)

        _, *own = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in inspect.signature(command).parameters.values()
        ]
        required = [each for each in own if each.default is inspect.Parameter.empty]
        rest = [each for each in own if each not in required]
        run.__signature__ = inspect.Signature([*required, *options, *rest])  # type: ignore[attr-defined]  # PEP 362
        run.__annotations__ = {}  # else these would be taken
        return run

    return decorate
