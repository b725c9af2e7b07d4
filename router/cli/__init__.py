"""The command line: `trunkline --help`. Here is which commands there are; each family has a module.

What a command needs beyond its settings is imported by the command: `trunkline front` doesn't wait for what draws
tables, nor `trunkline worker` for the front. Exit status 2 is a mistake in how it was called, 1 a failure.
"""

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from router.bench import cli as bench_cli
from router.cli import config, operations, programs, publish

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    programs.serve,
    programs.front,
    programs.worker,
    operations.status,
    operations.move,
    operations.drain,
    operations.upgrade,
    publish.publish,
    programs.gen,
):
    app.command()(command)

restart_app = typer.Typer(
    help="Replace the programs of a running router, while all streams go on.", no_args_is_help=True
)
restart_app.command("workers")(operations.restart_workers)
restart_app.command("front")(operations.restart_front)
app.add_typer(restart_app, name="restart")

config_app = typer.Typer(help="Check a file with settings, or show what comes of it.", no_args_is_help=True)
config_app.command()(config.check)
config_app.command()(config.show)
app.add_typer(config_app, name="config")
app.add_typer(bench_cli.app, name="bench")


def _print_version(asked: bool) -> None:
    if not asked:
        return
    try:
        version = metadata.version("trunkline")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"  # run from its sources
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


def main() -> None:
    """Run the program `trunkline`."""
    app()
