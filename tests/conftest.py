"""Fixtures for the black-box tests: routers, paths, and the logs of both when something fails."""

import itertools
import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clip import Clip, make_clip
from tests.support.media import need_media
from tests.support.router import HURRIED, RouterProcess, StartRouter

FIGURE = "figure: "
"""Begins the name of a property of a test's report that is a figure."""

RUNNING = pytest.StashKey[list[RouterProcess]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep a list of the routers that run, for the reports of failures."""
    config.stash[RUNNING] = []


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run more tests at a time than there are cores: most of them wait, for processes and for time to pass."""
    return 2 * len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of all routers that run with a failure."""
    report = yield
    if report.failed:
        for router in item.config.stash[RUNNING]:
            report.sections.append(("router", router.log_tail()))
    return report


Figure = Callable[[str, object], None]


@pytest.fixture
def figure(record_property: Figure) -> Figure:
    """Report a figure by name, such as a time: the run's summary shows them all, and none of them makes a test fail."""
    return lambda name, value: record_property(FIGURE + name, value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures that tests reported; as JSON, too, where `TRUNKLINE_TESTS_FIGURES` names a file."""
    figures = {
        report.nodeid: {name.removeprefix(FIGURE): value for name, value in told}
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        if (told := [each for each in report.user_properties if each[0].startswith(FIGURE)])
    }
    if figures:
        terminalreporter.section("figures")
    for test, values in figures.items():
        terminalreporter.write_line(f"{test}: " + ", ".join(f"{name} {value}" for name, value in values.items()))
    if path := os.environ.get("TRUNKLINE_TESTS_FIGURES"):
        Path(path).write_text(json.dumps(figures, indent=1))


def _running(config: pytest.Config, router: RouterProcess) -> Iterator[RouterProcess]:
    config.stash[RUNNING].append(router)
    try:
        with router:
            yield router
    finally:
        config.stash[RUNNING].remove(router)


@pytest.fixture(scope="session")
def router(request: pytest.FixtureRequest) -> Iterator[RouterProcess]:
    """A router with all defaults, shared: tests take paths of their own on it and leave it as they found it."""
    yield from _running(request.config, RouterProcess())


@pytest.fixture(scope="session")
def hurried(request: pytest.FixtureRequest) -> Iterator[RouterProcess]:
    """A router with short time limits, shared like `router`."""
    yield from _running(request.config, RouterProcess(settings=HURRIED))


@pytest.fixture
def start_router(request: pytest.FixtureRequest) -> Iterator[StartRouter]:
    """Start routers of a test's own; those that still run at its end are stopped, with proof that nothing is left."""
    running = request.config.stash[RUNNING]
    mine: list[RouterProcess] = []

    def start(**options: Any) -> RouterProcess:
        router = RouterProcess(**options)
        mine.append(router)
        running.append(router)
        return router.start()

    yield start
    try:
        for router in mine:
            if router.process is not None and router.process.poll() is None:
                router.stop()
    finally:
        for router in mine:
            router.kill()
            running.remove(router)
            router.discard()


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    """A place for a runtime directory that isn't there yet, short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:
        yield Path(directory) / "run"


_paths = itertools.count(1)


@pytest.fixture
def path() -> str:
    """A mount's path that no other test uses."""
    return f"/test-{os.getpid()}-{next(_paths)}"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The clip that real encoders publish; tests that ask for it need ffmpeg and GStreamer."""
    need_media()
    directory: Path = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent  # one for all test processes of a run
    return make_clip(directory)
