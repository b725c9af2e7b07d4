"""A link of 1 Gbit/s between the router and its readers: a burst is more than its socket's send buffer takes at once.

Over loopback a send buffer is never full, as what is sent has arrived. On a link, 40 packets for 100 readers are 4.8 MB
that leave within 39 ms, more than the system's usual limit for a buffer. 80 packets are more than any buffer that the
router asks for: what found no room must be sent on when there is, to every reader.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from router.bench.cell import Conditions, measure
from router.bench.scenario import Scenario, parse
from router.bench.targets import RouterOptions, own_router

RATE = "1gbit"
ROUTER_HOST, READERS_HOST = "10.213.7.1", "10.213.7.2"


@dataclass(frozen=True)
class Link:
    """Two network namespaces; commands that begin with these words run in one or the other."""

    router: tuple[str, ...]
    readers: tuple[str, ...]


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def link() -> Iterator[Link]:
    if shutil.which("ip") is None or shutil.which("tc") is None:
        pytest.skip("ip and tc (iproute2) are not installed")
    names = [f"tl-{side}-{os.getpid()}" for side in ("router", "readers")]
    here, there = (("ip", "netns", "exec", name) for name in names)
    steps = [
        ("ip", "netns", "add", names[0]),
        ("ip", "netns", "add", names[1]),
        ("ip", "-n", names[0], "link", "add", "out", "type", "veth", "peer", "name", "in", "netns", names[1]),
        ("ip", "-n", names[0], "address", "add", f"{ROUTER_HOST}/24", "dev", "out"),
        ("ip", "-n", names[1], "address", "add", f"{READERS_HOST}/24", "dev", "in"),
        *(("ip", "-n", name, "link", "set", device, "up")
          for name, device in ((names[0], "lo"), (names[1], "lo"), (names[0], "out"), (names[1], "in"))),
        # A queue that takes all: what is dropped must have been dropped by the router.
        (*here, "tc", "qdisc", "add", "dev", "out", "root", "tbf", "rate", RATE, "burst", "128kb", "limit", "64mb"),
    ]  # fmt: skip
    with ExitStack() as stack:
        for name in names:
            stack.callback(run, "ip", "netns", "delete", name)
        for step in steps:
            done = run(*step)
            if done.returncode:
                pytest.skip(f"no network namespaces with a shaped link here: {' '.join(step)}: {done.stderr.strip()}")
        yield Link(here, there)


@pytest.mark.parametrize("text", ["1x100:udp:400:40", "1x100:udp:400:80", "1x100:tcp:400:40"])
def test_every_reader_gets_every_burst_over_a_slow_link(link: Link, text: str) -> None:
    scenario = parse(text, Scenario())
    options = RouterOptions(workers="1", host=ROUTER_HOST, prefix=link.router)
    conditions = Conditions(3.0, seed=1, read_prefix=link.readers, publish_prefix=link.router)
    with own_router(options, scenario.mounts) as router:
        result = measure(scenario, router, 0, conditions)
    assert result.clean, result.counts
    assert result.p50_ms is not None
    # 4.8 MB at 1 Gbit/s: were it faster, the link would not be shaped and nothing would be proved.
    print(f"{text}: p50 {result.p50_ms} ms, p99 {result.p99_ms} ms")
    assert result.p50_ms > 15
