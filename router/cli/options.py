"""The options that several commands have.

They are text here: the settings' own checks say what is wrong, the same way for every source.
"""

from pathlib import Path
from typing import Annotated

import typer

from router.settings import Settings


def help_of(setting: str) -> str:
    """Describe a setting, with its default."""
    field = Settings.model_fields[setting]
    default = f" (default: {field.default})" if field.default and field.default_factory is None else ""
    return f"{field.description}{default}"


Config = Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file with settings, else $TRUNKLINE_CONFIG")]
Host = Annotated[str | None, typer.Option(metavar="ADDR", help=help_of("host"))]
PublishPort = Annotated[str | None, typer.Option(metavar="PORT", help=help_of("publish_port"))]
ClientPort = Annotated[str | None, typer.Option(metavar="PORT", help=help_of("client_port"))]
RtpPortStart = Annotated[str | None, typer.Option(metavar="PORT", help=help_of("rtp_port_start"))]
RtpPortCount = Annotated[str | None, typer.Option(metavar="N", help=help_of("rtp_port_count"))]
Workers = Annotated[str | None, typer.Option(metavar="auto|N", help=help_of("workers"))]
Hooks = Annotated[str | None, typer.Option(metavar="MODULE:NAME", help=help_of("hooks"))]
RuntimeDir = Annotated[str | None, typer.Option(metavar="DIR", help=help_of("runtime_dir"))]
LogLevel = Annotated[str | None, typer.Option(metavar="LEVEL", help=help_of("log_level"))]
LogFormat = Annotated[str | None, typer.Option(metavar="text|json", help=help_of("log_format"))]
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
