"""The command line: `trunkline --help`.

What a command needs beyond its settings is imported by the command: `trunkline front` doesn't wait for what draws
tables, nor `trunkline worker` for the front. Exit status 2 is a mistake in how it was called, 1 a failure.
"""

import os
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from router.bench import cli as bench_cli
from router.settings import Settings
from router.settings import sources as settings_sources
from router.settings.sources import SettingsError

if TYPE_CHECKING:
    from router.admin.running import Running


def _help(setting: str) -> str:
    field = Settings.model_fields[setting]
    default = f" (default: {field.default})" if field.default and field.default_factory is None else ""
    return f"{field.description}{default}"


# Options are text here: the settings' own checks say what is wrong, the same way for every source.
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file with settings, else $TRUNKLINE_CONFIG")]
Host = Annotated[str | None, typer.Option(metavar="ADDR", help=_help("host"))]
PublishPort = Annotated[str | None, typer.Option(metavar="PORT", help=_help("publish_port"))]
ClientPort = Annotated[str | None, typer.Option(metavar="PORT", help=_help("client_port"))]
RtpPortStart = Annotated[str | None, typer.Option(metavar="PORT", help=_help("rtp_port_start"))]
RtpPortCount = Annotated[str | None, typer.Option(metavar="N", help=_help("rtp_port_count"))]
Workers = Annotated[str | None, typer.Option(metavar="auto|N", help=_help("workers"))]
Hooks = Annotated[str | None, typer.Option(metavar="MODULE:NAME", help=_help("hooks"))]
RuntimeDir = Annotated[str | None, typer.Option(metavar="DIR", help=_help("runtime_dir"))]
LogLevel = Annotated[str | None, typer.Option(metavar="LEVEL", help=_help("log_level"))]
LogFormat = Annotated[str | None, typer.Option(metavar="text|json", help=_help("log_format"))]
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

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
restart_app = typer.Typer(
    help="Replace the programs of a running router, while all streams go on.", no_args_is_help=True
)
app.add_typer(restart_app, name="restart")
config_app = typer.Typer(help="Check a file with settings, or show what comes of it.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(bench_cli.app, name="bench")


def _print_version(asked: bool) -> None:
    if not asked:
        return
    try:
        version = metadata.version("trunkline")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"  # run from its sources
        version = tomllib.loads(project.read_text("utf-8"))["project"]["version"]
    print(f"trunkline {version}")
    raise typer.Exit()


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """A sharded RTSP media router: one front speaks RTSP, many workers move the media."""


@app.command()
def serve(
    context: typer.Context,
    config: Config = None, host: Host = None, publish_port: PublishPort = None, client_port: ClientPort = None,
    rtp_port_start: RtpPortStart = None, rtp_port_count: RtpPortCount = None, workers: Workers = None,
    hooks: Hooks = None, runtime_dir: RuntimeDir = None, log_level: LogLevel = None, log_format: LogFormat = None,
    file: Files = None, loop: Loop = False,
    check_only: Check = False,
) -> None:  # fmt: skip
    """Run the router: front and workers, started again when they die.

    Where the programs of one that was killed still run in the same runtime directory, it takes them over.
    """
    settings = _settings(context)
    _check_hooks(settings)
    from router import logs
    from router.programs import launcher

    if check_only:  # a launcher asks before it becomes this code
        return
    logs.configure(settings.log_level, settings.log_format, program="launcher")
    sys.exit(launcher.run(settings))


@app.command()
def front(
    context: typer.Context,
    config: Config = None, host: Host = None, publish_port: PublishPort = None, client_port: ClientPort = None,
    rtp_port_start: RtpPortStart = None, rtp_port_count: RtpPortCount = None, workers: Workers = None,
    hooks: Hooks = None, runtime_dir: RuntimeDir = None, log_level: LogLevel = None, log_format: LogFormat = None,
    file: Files = None, loop: Loop = False,
    launched: Launched = False,
) -> None:  # fmt: skip
    """Run the front alone; its workers come by themselves."""
    settings = _settings(context)
    from router.programs import front as program

    sys.exit(program.run(settings, launched=launched))


@app.command()
def worker(
    context: typer.Context, index: Index,
    config: Config = None, host: Host = None, publish_port: PublishPort = None, client_port: ClientPort = None,
    rtp_port_start: RtpPortStart = None, rtp_port_count: RtpPortCount = None, workers: Workers = None,
    hooks: Hooks = None, runtime_dir: RuntimeDir = None, log_level: LogLevel = None, log_format: LogFormat = None,
    file: Files = None, loop: Loop = False,
) -> None:  # fmt: skip
    """Run one worker alone; it waits for its front, in any order of starting.

    It uses --index, --runtime-dir, --log-level and --log-format, and --workers to check the index. The other options
    are checked and left: all else comes from its front, as the front was told it. So give all programs of a router the
    same options, or the same file.
    """
    settings = _settings(context)
    from router.programs import commands
    from router.programs import runtime_dir as directory

    if index >= settings.worker_count:
        _fail(
            2,
            f"--index {index}: with workers = {settings.workers} the last one is {settings.worker_count - 1};"
            " give front and workers the same --workers",
        )
    try:
        directory.prepare(settings.runtime_dir)
    except directory.RuntimeDirError as error:
        _fail(1, str(error))
    command = commands.worker_command(settings, index)
    os.execve(command[0], command, commands.environment())


@app.command()
def status(as_json: AsJson = False, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Show the workers, mounts and sessions of a running router."""
    settings = _load(config, {"runtime_dir": runtime_dir} if runtime_dir is not None else {})
    from router.admin import client
    from router.status import view

    try:
        document = client.query_status(settings.endpoints)
    except client.NoFrontError as error:
        _fail(1, str(error))
    if as_json:
        print(document)
    else:
        view.show(document)


@app.command()
def move(mount: MountPath, to: ToWorker, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Move a mount to another worker, with its publisher and readers; no packet is lost."""
    _operate(config, runtime_dir, lambda running: running.order("move", mount, str(to)))


@app.command()
def drain(worker: WorkerIndex, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Move everything away from a worker, let it end, and wait until another one is in its place."""
    _operate(config, runtime_dir, lambda running: running.order("drain", str(worker)))


@restart_app.command("workers")
def restart_workers(rolling: Rolling = False, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Drain and replace all workers, one after the other; no packet is lost."""
    if not rolling:
        _fail(2, "workers are restarted one after the other, so that no stream is cut: say --rolling")
    _operate(config, runtime_dir, lambda running: running.restart_workers())


@restart_app.command("front")
def restart_front(config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Let another front take over all sessions that play or record; no packet is lost."""
    _operate(config, runtime_dir, lambda running: running.restart_front())


@app.command()
def upgrade(config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Let launcher, front and workers become the installed code, one after the other; no packet is lost."""
    _operate(config, runtime_dir, lambda running: running.upgrade())


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="any file that FFmpeg reads")],
    url: Annotated[str, typer.Argument(metavar="URL", help="rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH")],
    loop: Annotated[bool, typer.Option("--loop", help="begin anew at the end, without a jump")] = False,
    transport: Annotated[str, typer.Option(metavar="tcp|udp", help="how the media travels")] = "tcp",
) -> None:
    """Publish a file to any RTSP server, as it is and in real time."""
    if transport not in ("tcp", "udp"):
        _fail(2, f"--transport {transport}: must be tcp or udp")
    try:
        import av  # noqa: F401  # the extra may not be installed
    except ImportError:
        _fail(1, "files need PyAV: pip install 'trunkline[file]'")
    from router.files import publish_program

    sys.exit(publish_program.run(file, url, transport=transport, loop=loop))


@app.command()
def gen(
    context: typer.Context,
    kind: Kind,
    config: Config = None, host: Host = None, publish_port: PublishPort = None, client_port: ClientPort = None,
    rtp_port_start: RtpPortStart = None, rtp_port_count: RtpPortCount = None, workers: Workers = None,
    hooks: Hooks = None, runtime_dir: RuntimeDir = None, log_level: LogLevel = None, log_format: LogFormat = None,
    program: ProgramPath = None, user: User = "trunkline", output: Output = None,
) -> None:  # fmt: skip
    """Print the files that run this very router under a supervisor, for the settings given; see deploy/README.md."""
    from router.deployment import cli

    given = {name: value for name, value in context.params.items() if value is not None}
    for name in ("kind", "config", "program", "user", "output"):
        given.pop(name, None)
    settings = _load(config, given)
    try:
        cli.generate_files(kind, settings, given, config, program=program, user=user, output=output)
    except cli.GenerateError as error:
        _fail(2, str(error))
    except OSError as error:
        _fail(1, f"{error.filename}: {error.strerror}")


@config_app.command()
def check(file: File = None) -> None:
    """Check a file with settings, as the environment changes them, and load its hooks as `serve` would."""
    _check_hooks(_load(file, {}))
    print("ok")


@config_app.command()
def show(file: File = None) -> None:
    """Print the settings that come of a file, the environment and the defaults; secrets are masked."""
    settings = _load(file, {})
    from router.settings import text as settings_text

    print(settings_text.to_toml(settings), end="")


def _operate(config: Path | None, runtime_dir: str | None, operation: Callable[["Running"], str]) -> None:
    """Do something with a running router, and show how it goes."""
    settings = _load(config, {"runtime_dir": runtime_dir} if runtime_dir is not None else {})
    from router.admin.client import NoFrontError, RefusedError
    from router.admin.running import OperationError, Running

    try:
        print(operation(Running(settings.endpoints, lambda line: print(line, flush=True))))
    except (NoFrontError, RefusedError, OperationError) as error:
        _fail(1, str(error))


def _settings(context: typer.Context) -> Settings:
    """Give the effective settings of a command, or exit with status 2 and say why."""
    given = {name: value for name, value in context.params.items() if value is not None}
    given.pop("index", None)
    given.pop("check_only", None)
    if given.pop("launched", False):  # passwords travel on standard input, where no list of processes shows them
        try:
            return settings_sources.from_json(sys.stdin.buffer.read())
        except SettingsError as error:
            _fail(2, *error.problems)
    given |= _files(given.pop("file", None), given.pop("loop"))
    return _load(given.pop("config", None), given)


def _files(given: list[str] | None, loop: bool) -> dict[str, Any]:
    if not given:
        if loop:
            _fail(2, "--loop: there is no --file that it could be of")
        return {}
    pairs = [each.partition("=") for each in given]
    wrong = next((each for each, (path, _, file) in zip(given, pairs, strict=True) if not path or not file), None)
    if wrong is not None:
        _fail(2, f"--file {wrong}: must be /PATH=FILE, such as /movie=film.mp4")
    files = {path: {"file": file, "loop": loop} for path, _, file in pairs}
    if len(files) < len(pairs):
        _fail(2, "--file: a path is there twice")
    return {"files": files}


def _load(config: Path | None, given: dict[str, Any]) -> Settings:
    for name in settings_sources.unknown_variables(os.environ):
        print(f"trunkline: {name} is in the environment, but there is no such setting", file=sys.stderr)
    try:
        return settings_sources.load(config, given)
    except SettingsError as error:
        _fail(2, *error.problems)


def _check_hooks(settings: Settings) -> None:
    if settings.hooks is None:
        return
    from router.handlers import hooks_check

    problem = hooks_check.problem(settings)
    if problem is not None:
        _fail(2, problem)


def _fail(status: int, *problems: str) -> NoReturn:
    for problem in problems:
        print(f"trunkline: {problem}", file=sys.stderr)
    sys.exit(status)


def main() -> None:
    """Run the program `trunkline`."""
    app()
