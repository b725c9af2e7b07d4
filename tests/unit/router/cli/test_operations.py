"""Operations on a running router, where there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from router.admin import client, running
from router.admin.client import CommandRefused, NoFrontError
from router.programs.kinds import ProgramKind
from tests.unit.router.cli.conftest import Invoke
from workers.contract.endpoints import Endpoints


def test_status_finds_the_runtime_directory_in_a_file(invoke: Invoke, tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("runtime_dir = '/tmp/trunkline-nobody'\n")
    done = invoke("status", "--config", str(config))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no router runs in /tmp/trunkline-nobody" in done.stderr


def test_status_without_a_router_exits_1(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("status", "--json", "--runtime-dir", "/tmp/trunkline-nobody")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("trunkline: no router runs in /tmp/trunkline-nobody; start one with")


class Router:
    """Notes what is asked of a running router, and answers it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.error: Exception | None = None
        monkeypatch.setattr(running, "RunningRouter", self)

    def __call__(self, endpoints: Endpoints, say: Callable[[str], None]) -> "Router":
        self.directory, self._say = endpoints.runtime_dir, say
        return self

    def command(self, *asked: str) -> str:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        self._say("at it")
        return "done"

    def replace(self, kind: ProgramKind) -> str:
        return self.command("replace", kind.name)

    def upgrade(self) -> str:
        return self.command("upgrade")


OPERATIONS = [
    (("move", "/a", "--to", "1"), ("move", "/a", "1")),
    (("drain", "0"), ("drain", "0")),
    (("restart", "workers", "--rolling"), ("replace", "worker")),
    (("restart", "front"), ("replace", "front")),
    (("upgrade",), ("upgrade",)),
]


@pytest.mark.parametrize(("arguments", "asked"), OPERATIONS)
def test_an_operation_shows_how_it_goes(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    router = Router(monkeypatch)
    done = invoke(*arguments, "--runtime-dir", "/tmp/trunkline-nobody")
    assert done.exception is None, done.exception
    assert (done.exit_code, done.stdout, done.stderr) == (0, "at it\ndone\n", "")
    assert router.asked == [asked]
    assert router.directory == Path("/tmp/trunkline-nobody")


@pytest.mark.parametrize(
    "error", [NoFrontError("no router runs"), CommandRefused("no"), running.OperationError("half")]
)
def test_what_is_not_done_exits_1_and_says_why(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Router(monkeypatch).error = error
    done = invoke("upgrade")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"trunkline: {error}\n")


def test_workers_are_never_restarted_all_at_once(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(monkeypatch)
    done = invoke("restart", "workers")
    assert done.exit_code == 2
    assert "say --rolling" in done.stderr
    assert router.asked == []


@pytest.mark.parametrize("arguments", [("move", "/a", "--to", "1024"), ("move", "/a", "--to", "-1"), ("drain", "1024")])
def test_a_worker_that_no_router_has_is_a_wrong_call(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    router = Router(monkeypatch)
    assert invoke(*arguments).exit_code == 2
    assert router.asked == []


def test_status_is_the_document_itself_for_programs(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "query_status", lambda endpoints: f'{{"dir": "{endpoints.runtime_dir}"}}')
    done = invoke("status", "--json", "--runtime-dir", "/tmp/x")
    assert (done.exit_code, done.stdout) == (0, '{"dir": "/tmp/x"}\n')
