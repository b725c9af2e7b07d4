"""The command line that others script against, and the programs behind it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.ports import PortSlice
from tests.support.programs import ROOT, Status, ask_status, clean_environment, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection, resolve
from tests.support.waiting import eventually

WORKER_FIELDS = {
    "index", "pid", "state", "mounts", "readers", "packets_in", "packets_out", "bytes_in", "bytes_out", "drops",
    "cpu_percent", "loop_lag_ms", "ports_free", "ports_used",
}  # fmt: skip


def test_status_says_what_others_script_against(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), tracks=2).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(5)
        reader.receive(5)

        def counted(status: Status) -> bool:  # workers tell what has changed once a second
            return [each["packets"] for each in status["sessions"] if each["mount"] == path] == [10, 10]

        router.wait_until(counted, "all packets of both sessions")
        status = router.printed_status()
        assert {"pid", "uptime_s", "connections", "sessions", "requests"} <= set(status["front"])
        assert status["front"]["connections"] >= 2
        assert status["front"]["uptime_s"] > 0
        assert status["front"]["requests"]["RECORD"]["200"] >= 1
        assert [worker["index"] for worker in status["workers"]] == [0, 1]
        for worker in status["workers"]:
            assert set(worker) >= WORKER_FIELDS
            os.kill(worker["pid"], 0)
        (mount,) = [each for each in status["mounts"] if each["path"] == path]
        assert set(mount) >= {"path", "worker", "state", "tracks", "publisher", "readers", "since"}
        assert mount["worker"] in (0, 1)
        assert len(mount["tracks"]) == 2
        assert abs(mount["since"] - time.time()) < 60
        sessions = {each["role"]: each for each in status["sessions"] if each["mount"] == path}
        assert set(sessions) == {"publisher", "reader"}
        for session in sessions.values():
            assert set(session) >= {"id", "role", "mount", "transport", "peer", "user", "packets", "since"}
            assert session["packets"] == 10
        assert sessions["reader"]["id"] == reader.connection.session
        assert sessions["reader"]["peer"] == f"127.0.0.1:{reader.connection.local_port}"


def test_counters_of_a_worker(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=1)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        publisher.send(10, size=500)
        for reader in (over_udp, over_tcp):
            reader.receive(10)
        status = router.wait_until(lambda status: status["workers"][0]["packets_out"] == 20, "a heartbeat that knows")
        (worker,) = status["workers"]
        assert (worker["mounts"], worker["readers"], worker["packets_in"]) == (1, 2, 10)
        assert worker["bytes_in"] == 10 * 500
        assert 20 * 500 <= worker["bytes_out"] <= 20 * 504  # with or without the four bytes of an interleaved frame
        assert worker["ports_used"] == 2
        assert worker["ports_free"] == router.ports.media_count - 2
        assert not any(worker["drops"].values())


def test_status_for_people(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start():
        done = run_program("status", "--runtime-dir", str(router.runtime_dir))
        assert done.returncode == 0
        assert path in done.stdout


def test_status_without_a_router(tmp_path: Path) -> None:
    done = run_program("status", "--json", "--runtime-dir", str(tmp_path))
    assert done.returncode != 0
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_instance_on_the_same_port_fails_and_names_it(router: RouterProcess, runtime_dir: Path) -> None:
    for option, url in (("--publish-port", router.publish_url), ("--client-port", router.client_url)):
        port = resolve(url)[1]
        other = "--client-port" if option == "--publish-port" else "--publish-port"
        done = run_program(
            "serve", "--host", "127.0.0.1", option, str(port), other, "0", "--workers", "1",
            "--runtime-dir", str(runtime_dir),
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert str(port) in done.stderr
        assert "ready" not in done.stdout
        assert "Traceback" not in done.stderr


def test_a_second_instance_in_the_same_directory_fails(router: RouterProcess, path: str) -> None:
    done = run_program(
        "serve", "--publish-port", "0", "--client-port", "0", "--workers", "1",
        "--runtime-dir", str(router.runtime_dir),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert str(router.runtime_dir) in done.stderr
    assert "Traceback" not in done.stderr
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_everything_and_leaves_nothing(
    start_router: StartRouter, path: str, number: signal.Signals
) -> None:
    router = start_router()
    with (
        Publisher(router.publish(path), transport="udp").start() as over_udp,
        Publisher(router.publish(f"{path}-2"), transport="tcp").start() as over_tcp,
        Reader(router.read(path), transport="tcp").start() as reader,
        RtspConnection(router.client_url) as idle,
    ):
        over_udp.send(3)
        reader.receive(3)
        router.stop(number)
        assert "killed what did not end in time" not in router.log
        for connection in (over_udp.connection, over_tcp.connection, reader.connection, idle):
            connection.wait_closed()


def test_the_terminals_interrupt_stops_everything(start_router: StartRouter, path: str) -> None:
    """Ctrl-C reaches all programs of the foreground group at once."""
    router = start_router()
    with Publisher(router.publish(path)).start():
        assert router.process is not None
        os.killpg(router.process.pid, signal.SIGINT)
        assert router.process.wait(10) == 0
        router.assert_nothing_left()


def test_two_signals_are_no_worse_than_one(start_router: StartRouter) -> None:
    router = start_router()
    assert router.process is not None
    router.process.send_signal(signal.SIGTERM)
    router.stop(signal.SIGINT)


def test_worker_and_front_start_in_any_order(tmp_path: Path, runtime_dir: Path) -> None:
    """Workers wait for their front; a front without workers answers 503 until one comes."""
    with PortSlice.claim() as ports, ExitStack() as stack:
        options = [
            "--host", "127.0.0.1", "--publish-port", str(ports.start), "--client-port", str(ports.start),
            "--rtp-port-start", str(ports.media_start), "--rtp-port-count", str(ports.media_count),
            "--workers", "2", "--runtime-dir", str(runtime_dir),
        ]  # fmt: skip
        log = stack.enter_context((tmp_path / "log").open("wb"))

        def start(*arguments: str) -> "subprocess.Popen[bytes]":
            process = subprocess.Popen(
                [sys.executable, "-m", "router", *arguments, *options], cwd=ROOT, env=clean_environment(),
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        first = start("worker", "--index", "1")
        front = start("front")
        eventually(lambda: states(runtime_dir) == ["missing", "ready"], "a front with one worker", 20)
        publish_url = f"rtsp://127.0.0.1:{ports.start}"
        with Publisher(f"{publish_url}/early").start() as publisher, Reader(f"{publish_url}/early").start() as reader:
            publisher.send(3)
            reader.receive(3)
        first.terminate()
        assert first.wait(10) == 0
        eventually(lambda: "ready" not in states(runtime_dir), "no worker", 20)
        with Publisher(f"{publish_url}/alone") as publisher:
            offer = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
            reply = publisher.connection.request(
                "ANNOUNCE", publisher.url, {"Content-Type": "application/sdp"}, publisher.sdp
            )
            if reply.status == 200:  # nothing is placed before SETUP
                reply = publisher.connection.request("SETUP", f"{publisher.url}/streamid=0", offer)
            assert reply.status == 503
            assert reply.reason
        second = start("worker", "--index", "0")
        eventually(lambda: "ready" in states(runtime_dir), "a worker", 20)
        with Publisher(f"{publish_url}/late").start() as publisher, Reader(f"{publish_url}/late").start() as reader:
            publisher.send(3)
            reader.receive(3)
        for process in (front, second):
            process.terminate()
        assert [process.wait(10) for process in (front, second)] == [0, 0]


def test_a_worker_does_not_count_the_cpus_that_it_may_use_itself(runtime_dir: Path) -> None:
    with PortSlice.claim() as ports, ExitStack() as stack:
        bind = "import os, sys; os.sched_setaffinity(0, {0}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        one_cpu = [sys.executable, "-c", bind.replace("{0}", f"{{{min(os.sched_getaffinity(0))}}}")]
        for arguments in (["worker", "--index", "0"], ["worker", "--index", "1"], ["front", "--workers", "2"]):
            program = [*one_cpu, "-m", "router", *arguments, "--runtime-dir", str(runtime_dir)]
            program += ["--host", "127.0.0.1", "--publish-port", str(ports.start), "--client-port", str(ports.start)]
            program += ["--rtp-port-start", str(ports.media_start), "--rtp-port-count", str(ports.media_count)]
            process = subprocess.Popen(
                program, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
        eventually(
            lambda: runtime_dir.joinpath("control").exists() and states(runtime_dir) == ["ready"] * 2, "both", 20
        )


def states(runtime: Path) -> list[str]:
    """Return the states of all workers."""
    return [worker["state"] for worker in ask_status(runtime, 1)["workers"]]


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--publish-port", "70000"], {}, ["publish", "70000", "65535"]),
        (["--publish-port", "many"], {}, ["publish", "many"]),
        (["--rtp-port-start", "10001"], {}, ["rtp", "10001"]),
        (["--workers", "0"], {}, ["workers", "0"]),
        (["--host", "no.such.name"], {}, ["host", "no.such.name"]),
        (["--log-level", "loud"], {}, ["log", "loud", "debug"]),
        (["--hooks", "no_such_module:hooks"], {}, ["no_such_module"]),
        ([], {"TRUNKLINE_SESSION_TIMEOUT_S": "soon"}, ["session_timeout_s", "soon"]),
        ([], {"TRUNKLINE_LIMITS__SESSIONS": "-1"}, ["sessions", "-1"]),
        (["--no-such-option"], {}, ["--no-such-option"]),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_listens(
    runtime_dir: Path, arguments: list[str], environment: dict[str, str], named: list[str]
) -> None:
    ports = [] if "--publish-port" in arguments else ["--publish-port", "0"]
    done = run_program(
        "serve", *ports, "--client-port", "0", "--runtime-dir", str(runtime_dir), *arguments, environment=environment
    )
    assert done.returncode == 2, (done.returncode, done.stderr)
    for text in named:
        assert text in done.stderr, f"{text!r} is not in {done.stderr}"
    assert "Traceback" not in done.stderr
    assert "ready" not in done.stdout
    assert not runtime_dir.exists()


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("session_timeout_s = 30\n[limits]\nsessions = 5\n", 0, []),
        ("session_timeout = 30\n", 2, ["session_timeout"]),
        ("session_timeout_s = 'x'\n", 2, ["session_timeout_s", "x"]),
        ("[limits]\nsessions = 0\n", 2, ["sessions", "0"]),
        ("this is no TOML", 2, ["config.toml"]),
    ],
)
def test_config_check(tmp_path: Path, text: str, code: int, named: list[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    done = run_program("config", "check", str(file))
    assert done.returncode == code, done.stderr
    for word in named:
        assert word in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_config_show_masks_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('session_timeout_s = 33\n[auth.client_users]\nviewer = "hunter2-secret"\n')
    done = run_program("config", "show", str(file))
    assert done.returncode == 0, done.stderr
    assert "33" in done.stdout
    assert "viewer" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_config_file_that_is_not_there(tmp_path: Path) -> None:
    done = run_program("config", "check", str(tmp_path / "missing.toml"))
    assert done.returncode == 2
    assert "missing.toml" in done.stderr


def test_command_line_over_environment_over_file(start_router: StartRouter, path: str) -> None:
    """The session's timeout shows which one won."""

    def timeout(environment: dict[str, str]) -> str:
        router = start_router(settings={"session_timeout_s": 31}, environment=environment, workers=1)
        with Publisher(router.publish(path)) as publisher:
            return publisher.announce()["Session"].partition(";")[2].strip()

    assert timeout({}) == "timeout=31"
    assert timeout({"TRUNKLINE_SESSION_TIMEOUT_S": "32"}) == "timeout=32"
    # `RouterProcess` gives the number of workers on the command line and checks it in the ready line.
    assert timeout({"TRUNKLINE_WORKERS": "3"}) == "timeout=31"


def test_logs_go_to_standard_error_as_json_when_asked(start_router: StartRouter, path: str) -> None:
    router = start_router(options=["--log-format", "json", "--log-level", "debug"], workers=1)
    with Publisher(router.publish(path)).start() as publisher:
        publisher.send(1)
    router.stop()
    lines = router.log.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
