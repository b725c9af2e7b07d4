"""Measures other servers beside the router, in one run: `python -m tests.benchmarks.peers.measure gst|node [OPTIONS]`.

What is missing is installed: gst-rtsp-server by apt, rtsp-streaming-server by npm, into a directory of its own. Options
are those of `trunkline bench`; without a scenario, those are measured that both sides of the comparison can do.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATH = "/m"
MOUNTS = 300
SCENARIOS = {
    "gst": ("1x10", "1x100", "50x2:udp:200", "1x100:tcp"),
    "node": ("1x10", "1x100", "50x2:udp:200", "200x2:udp:300"),
}
APT = ("gir1.2-gst-rtsp-server-1.0", "python3-gi", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good",
       "gstreamer1.0-plugins-bad")  # fmt: skip
NPM = "rtsp-streaming-server@2.1.0"
SYSTEM_PYTHON = "/usr/bin/python3"


def command_of(peer: str) -> tuple[list[str], dict[str, str]]:
    """Give the command that starts a peer, and its environment; install what it needs."""
    if peer == "gst":
        probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
        if subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *APT], check=True)
        return [SYSTEM_PYTHON, str(HERE / "gst_rtsp_server.py"), PATH, str(MOUNTS)], dict(os.environ)
    where = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trunkline-bench-peers"
    if not (where / "node_modules" / "rtsp-streaming-server").is_dir():
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", str(where), NPM], check=True)
    ports = [str(each) for each in free_ports(2)]
    environment = {**os.environ, "NODE_PATH": str(where / "node_modules")}
    return [shutil.which("node") or "node", str(HERE / "rtsp_streaming_server.js"), *ports], environment


def free_ports(count: int) -> list[int]:
    """Find TCP ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]


@contextlib.contextmanager
def running(peer: str) -> Iterator[tuple[int, str]]:
    """Run a peer; gives its process and its base URLs."""
    command, environment = command_of(peer)
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            word, _, urls = process.stdout.readline().strip().partition(" ")
            if word != "ready":
                log.seek(0)
                sys.exit(f"{peer} did not start: {log.read()[-2000:]}")
            yield process.pid, urls
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Run the peer, and the benchmark beside it."""
    peer, *options = sys.argv[1:] or ["?"]
    if peer not in SCENARIOS:
        sys.exit(__doc__)
    if "--scenario" not in options:
        options += [word for each in SCENARIOS[peer] for word in ("--scenario", each)]
    if peer == "gst":
        options.append("--renumbered")
    with running(peer) as (pid, urls):
        command = [sys.executable, "-m", "router", "bench", "--against", urls, "--pid", str(pid), "--path", PATH]
        done = subprocess.run([*command, *options], cwd=ROOT, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
