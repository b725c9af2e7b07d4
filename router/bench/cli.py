"""`trunkline bench` and `trunkline bench sessions`, as commands. What they need is imported when they run."""

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    help="Measure what a delivered packet costs, with every packet verified.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
)

Full = Annotated[bool, typer.Option("--full", help="all scenarios of the table in the README")]
Scale = Annotated[bool, typer.Option("--scale", help="2,000 readers of one mount, 1,000 mounts, 300 publishers, ...")]
Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", metavar="MxN[:udp|tcp][:RATE][:BURST]",
                 help="M mounts with N readers each, RATE packets/s a mount in frames of BURST; may be repeated"),
]  # fmt: skip
Trace = Annotated[
    str | None, typer.Option(metavar="x264|FILE", help="publish a recorded encoder's packets instead of equal ones")
]
PacketBytes = Annotated[int, typer.Option(min=13, max=9000, help="length of each packet")]
Published = Annotated[str, typer.Option(metavar="udp|tcp", help="how publishers send")]
Churn = Annotated[float, typer.Option(min=0, help="readers of the same mounts that come and go each second")]
Seconds = Annotated[float, typer.Option(min=0.1, max=40, help="time of each measurement")]
Repeats = Annotated[int | None, typer.Option(min=1, help="measurements of each: 3 with --full, else 1")]
Seed = Annotated[int, typer.Option(help="same seed: same packets, same order of measurements")]
Servers = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="what to measure of trunkline, against, floor, sendto")
]
Against = Annotated[
    str | None,
    typer.Option(metavar="PUBLISH_URL,CLIENT_URL", help="measure a server that runs already too, by its base URLs"),
]
Pids = Annotated[str | None, typer.Option("--pid", metavar="PID,...", help="its processes, whose CPU counts")]
MountPath = Annotated[
    str | None,
    typer.Option("--path", metavar="/PATH", help="mounts are at /PATH0, /PATH1, ...: for servers that need to know"),
]
Renumbered = Annotated[
    bool,
    typer.Option("--renumbered", help="that server gives packets sequence numbers of its own: gst-rtsp-server does"),
]
Workers = Annotated[str, typer.Option(metavar="auto|N", help="worker processes of the router")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file with settings for the router")]
Window = Annotated[float, typer.Option(min=0, max=50, help="time that the floor gathers packets, as the router does")]
AsJson = Annotated[bool, typer.Option("--json", help="print all results as JSON")]
AsCsv = Annotated[bool, typer.Option("--csv", help="print the table as CSV")]
AtATime = Annotated[int, typer.Option(min=1, max=1000, help="sessions at a time")]
Media = Annotated[float, typer.Option(metavar="PACKETS_PER_S", min=0, help="deliver so much meanwhile, verified")]


@app.callback()
def bench(
    context: typer.Context,
    full: Full = False, scale: Scale = False, scenario: Scenarios = None, trace: Trace = None,
    packet_bytes: PacketBytes = 1200, publish_over: Published = "udp", churn: Churn = 0.0,
    seconds: Seconds = 3.0, repeats: Repeats = None, seed: Seed = 1, servers: Servers = None,
    against: Against = None, pid: Pids = None, path: MountPath = None, renumbered: Renumbered = False,
    workers: Workers = "auto", config: Config = None,
    window_ms: Window = 1.0, as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Measure CPU, latency and memory per delivered packet beside two yardsticks, on this machine, now."""
    if context.invoked_subcommand is not None:
        return
    from router.bench import matrix, report, targets
    from router.bench import scenario as scenarios
    from router.bench.cell import Conditions
    from router.bench.shape import ShapeError

    if publish_over not in ("udp", "tcp"):
        _fail(2, "--publish-over: udp or tcp")
    like = scenarios.Scenario(
        packet_bytes=packet_bytes, trace=trace, publish_transport="tcp" if publish_over == "tcp" else "udp",
        churn_per_s=churn,
    )  # fmt: skip
    texts = [*(scenario or ()), *(scenarios.FULL if full else ()), *(scenarios.SCALE if scale else ())]
    try:
        asked = [scenarios.parse(text, like) for text in texts or scenarios.QUICK]
        for each in asked:
            each.shape()
    except (ShapeError, OSError) as error:
        _fail(2, f"scenario: {error}")
    options = targets.RouterOptions(workers, config)
    makers: dict[str, matrix.MakeTarget] = {
        "trunkline": lambda each: targets.own_router(options, each.mounts),
        "floor": lambda _: targets.yardstick("floor", window_ms),
        "sendto": lambda _: targets.yardstick("sendto", 0.0),
    }
    if against is not None:
        urls, pids = _against(against, pid)
        makers["against"] = lambda _: targets.running_server(urls, pids, renumbers=renumbered)
    names = servers.split(",") if servers is not None else list(makers)
    if unknown := [name for name in names if name not in makers]:
        _fail(2, f"--servers: {', '.join(unknown)}: there are {', '.join(makers)}")
    todo = matrix.steps(asked, names, repeats or (3 if full else 1), seed)
    outcome = matrix.run(todo, makers, Conditions(seconds, seed, path))
    rows = report.rows_of(outcome.results)
    if as_json:
        print(report.document(outcome.results, rows, outcome.failures))
    elif as_csv:
        print(report.table_csv(rows), end="")
    elif rows:
        report.show(rows, report.console())
    if outcome.failures or not all(each.clean for each in outcome.results if each.target == "trunkline"):
        sys.exit(1)


@app.command()
def sessions(
    at_a_time: AtATime = 8, media: Media = 0.0, seconds: Seconds = 5.0, repeats: Repeats = None, seed: Seed = 1,
    against: Against = None, pid: Pids = None, workers: Workers = "auto", config: Config = None,
    as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Measure whole sessions a second: connect, DESCRIBE, SETUP, PLAY, TEARDOWN."""
    from router.bench import session_rate, targets

    options = targets.RouterOptions(workers, config)
    if against is not None:
        urls, pids = _against(against, pid)

    def make() -> AbstractContextManager[targets.Target]:
        return targets.own_router(options, 64) if against is None else targets.running_server(urls, pids)

    conditions = session_rate.SessionConditions(at_a_time, media, seconds, seed)
    sys.exit(session_rate.run(make, conditions, repeats or 3, as_json=as_json, as_csv=as_csv))


def _against(text: str, pid: str | None) -> tuple[tuple[str, str], tuple[int, ...]]:
    publish_url, _, client_url = text.partition(",")
    client_url = client_url or publish_url
    if not publish_url.startswith("rtsp://") or not client_url.startswith("rtsp://"):
        _fail(2, "--against: rtsp://HOST:PORT,rtsp://HOST:PORT")
    pids = (pid or "").split(",") if pid else []
    if not pids or not all(each.isdecimal() and Path(f"/proc/{each}").is_dir() for each in pids):
        _fail(2, "--pid: the running server's processes, separated by commas")
    return (publish_url, client_url), tuple(int(each) for each in pids)


def _fail(status: int, problem: str) -> NoReturn:
    print(f"trunkline: {problem}", file=sys.stderr)
    sys.exit(status)
