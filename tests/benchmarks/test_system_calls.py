"""What a delivered packet costs in system calls: the one figure of cost that doesn't depend on who else is running."""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from router.bench.cell import Conditions, measure
from router.bench.scenario import Scenario, parse
from router.bench.targets import RouterOptions, own_router

SECONDS = 2.0
MOST_FOR_A_PACKET = {"udp": 0.02, "tcp": 0.12}
"""Bursts are of 10 packets for 100 readers. An interleaved reader has its own connection, so it takes a write for each
burst, which is 0.1, and the rest is as over UDP."""
_TOTAL = re.compile(r"^\s*100[.,]00\s+\S+\s+\S*\s+(\d+)", re.MULTILINE)


def counted_calls(pid: int, output: Path, seconds: float) -> int:
    """Count the system calls of a process's threads while time passes."""
    strace = subprocess.Popen(
        ["strace", "-c", "-f", "-q", "-o", str(output), "-p", str(pid)], stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(seconds)
    finally:
        strace.send_signal(signal.SIGINT)
        _, said = strace.communicate(timeout=10)
    report = output.read_text()
    match = _TOTAL.search(report)
    if match is None and "ptrace" in said:
        pytest.skip(f"strace may not attach here: {said.strip()}")
    assert match is not None, f"{report}\n{said}"
    return int(match[1])


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("text", ["1x100:udp:1000:10", "1x100:tcp:1000:10"])
def test_a_delivered_packet_takes_few_system_calls(text: str, tmp_path: Path) -> None:
    scenario = parse(text, Scenario())
    calls = []
    with own_router(RouterOptions(workers="1"), scenario.mounts) as router:
        (worker,) = (each.pid for each in router.measured() if each.role == "worker 0")

        def count(seconds: float) -> None:
            calls.append(counted_calls(worker, tmp_path / "calls", seconds))

        for _ in range(3):  # beside other work the load's own readers may be too slow for what was sent
            result = measure(scenario, router, 0, Conditions(SECONDS, seed=1, let_pass=count))
            if result.clean:
                break
    assert result.clean, result.counts
    delivered = result.delivered_per_s * result.seconds
    assert delivered > 100_000
    print(f"{text}: {calls[-1]} calls for {delivered:.0f} packets, {calls[-1] / delivered:.4f} for one")
    assert 0 < calls[-1] / delivered <= MOST_FOR_A_PACKET[scenario.transport]
