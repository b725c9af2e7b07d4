"""`trunkline bench` as a program: short runs, to see that it measures; the figures are nobody's concern here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.router import RouterProcess, clean_environment

ROOT = Path(__file__).parents[2]
SECONDS = "0.5"


def bench(*arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "router", "bench", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scenario", "2x3:udp:200"),
        ("--scenario", "2x3:tcp:200"),
        ("--scenario", "1x2:udp", "--trace", "x264"),
        ("--scenario", "1x2:tcp", "--trace", "x264", "--publish-over", "tcp"),
        ("--scenario", "1x2:udp:4000:400"),
    ],
    ids=" ".join,
)
def test_every_packet_is_delivered_and_counted(arguments: tuple[str, ...]) -> None:
    servers = "trunkline" if "tcp" in arguments[-1] else "trunkline,floor,sendto"
    done = bench(*arguments, "--seconds", SECONDS, "--servers", servers, "--workers", "2", "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["failures"] == []
    assert [each["target"] for each in document["runs"]] == servers.split(",")
    for run in document["runs"]:
        scenario, counts = run["scenario"], run["counts"]
        assert run["clean"], run
        assert counts["delivered"] <= run["sent"] * scenario["readers"]
        assert run["delivered_per_s"] > 0
        assert run["cpu_us"] > 0
        assert run["load_cpu_us"] > 0
        assert 0 < run["p50_ms"] <= run["p99_ms"] <= run["p999_ms"]
    trunkline = document["runs"][0]
    assert set(trunkline["shares"]) == {"launcher", "front", "worker 0", "worker 1"}


def test_readers_that_come_and_go_take_nothing_from_the_others() -> None:
    done = bench("--scenario", "2x3:udp:200", "--churn", "20", "--seconds", "1", "--servers", "trunkline", "--json")
    (run,) = json.loads(done.stdout)["runs"]
    assert run["clean"]
    assert run["others"]["churn"]["begun_per_s"] > 15
    assert run["others"]["churn"]["failures"] == 0


def test_a_running_server_is_measured_with_the_same_load(router: RouterProcess) -> None:
    pids = ",".join(str(pid) for pid in router.note_processes())
    against = ("--against", f"{router.publish_url},{router.client_url}", "--pid", pids)
    done = bench("--scenario", "1x2:udp:200", "--seconds", SECONDS, "--servers", "against", *against, "--json")
    (run,) = json.loads(done.stdout)["runs"]
    assert run["clean"]
    assert run["cpu_us"] > 0
    assert len(run["shares"]) == len(pids.split(","))


def test_whole_sessions_are_counted_while_media_flows() -> None:
    done = bench("sessions", "--seconds", "1", "--repeats", "1", "--media", "2000", "--json")
    (run,) = json.loads(done.stdout)["runs"]
    assert run["sessions_per_s"] > 0
    assert run["failures"] == 0
    assert run["delivered_per_s"] > 1000
    assert (run["lost"], run["wrong"]) == (0, 0)


def test_the_table_has_a_row_for_each_server() -> None:
    done = bench("--scenario", "1x1:udp:100", "--seconds", SECONDS, "--servers", "trunkline,floor")
    assert "trunkline" in done.stdout
    assert "floor" in done.stdout
    assert "of floor" in done.stdout
    assert done.stderr.count(" µs a packet") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "nonsense"), "MOUNTSxREADERS"),
        (("--trace", "/nowhere"), "/nowhere"),
        (("--servers", "apache"), "apache"),
        (("--publish-over", "pigeon"), "udp or tcp"),
        (("--against", "http://x", "--pid", "1"), "--against"),
        (("--against", "rtsp://127.0.0.1:1"), "--pid"),
        (("--against", "rtsp://127.0.0.1:1", "--pid", "0"), "--pid"),
    ],
    ids=str,
)
def test_wrong_calls_exit_2(arguments: tuple[str, ...], said: str) -> None:
    done = bench(*arguments, status=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_server_that_does_not_answer_is_a_failure() -> None:
    against = ("--against", "rtsp://127.0.0.1:1", "--pid", str(os.getpid()))
    done = bench("--scenario", "1x1", "--servers", "against", *against, "--seconds", SECONDS, status=1)
    assert "publish: rtsp://127.0.0.1:1" in done.stderr
