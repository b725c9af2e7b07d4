"""What `status` counts never falls: whoever dies, moves, or is started again."""

import os
import signal
from typing import Any

from tests.support.programs import Status, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter


def totals(status: Status) -> dict[str, int]:
    """List everything that counts, by a name that outlives a restart."""
    found: dict[str, int] = {}
    for method, by_status in status["front"]["requests"].items():
        found |= {f"requests {method} {code}": count for code, count in by_status.items()}
    for worker in status["workers"]:
        for name in ("packets_in", "packets_out", "bytes_in", "bytes_out"):
            found[f"worker {worker['index']} {name}"] = worker[name]
        found |= {f"worker {worker['index']} drop {cause}": count for cause, count in worker["drops"].items()}
    for mount in status["mounts"]:
        for index, track in enumerate(mount["tracks"]):
            found |= {f"{mount['path']} {index} {name}": track[name] for name in ("packets_in", "bytes_in", "lost")}
    return found | {f"session {each['id']}": each["packets"] for each in status["sessions"]}


class Watch:
    """Looks at the status again and again, and at what went down."""

    def __init__(self, router: RouterProcess) -> None:
        self.router = router
        self.seen: dict[str, int] = {}

    def look(self, status: Status) -> Status:
        now = totals(status)
        for name, count in self.seen.items():
            if name.startswith(("requests", "worker")) or name in now:  # a front that begins has no mounts for a moment
                assert now.get(name, 0) >= count, f"{name} was {count}"
        self.seen |= now
        return status

    def until(self, packets: int, sessions: list[Publisher | Reader]) -> dict[str, Any]:
        """Wait until so many packets are counted for the mount and each session, and all workers are there."""
        names = {each.connection.session for each in sessions}

        def counted(status: Status) -> bool:
            self.look(status)
            told = [each["packets"] for each in status["sessions"] if each["id"] in names]
            ready = all(each["state"] == "ready" for each in status["workers"])
            return ready and len(told) == len(sessions) and min(told) >= packets

        status = self.router.wait_until(counted, f"{packets} packets counted", 30)
        (mount,) = status["mounts"]
        assert sum(track["packets_in"] for track in mount["tracks"]) == packets
        return dict(mount)


def test_counters_never_fall(start_router: StartRouter, path: str) -> None:
    router = start_router()
    watch = Watch(router)
    with (
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="udp").start() as first,
        Reader(router.read(path), transport="udp").start() as second,
    ):
        sessions: list[Publisher | Reader] = [publisher, first, second]
        sent = 0

        def send() -> int:
            nonlocal sent
            publisher.send(20)
            sent += 20 * len(publisher.tracks)
            for reader in (first, second):
                reader.receive(sent // len(publisher.tracks))
            return int(watch.until(sent, sessions)["worker"])

        at = send()
        # a move
        moved = run_program("move", path, "--to", str(1 - at), "--runtime-dir", str(router.runtime_dir))
        assert moved.returncode == 0, moved.stderr
        at = send()
        # the worker's death
        dead = router.status()["workers"][at]["pid"]
        os.kill(dead, signal.SIGKILL)
        router.wait_until(lambda status: watch.look(status)["workers"][at]["pid"] not in (dead, None), "another", 30)
        at = send()
        # the front's death, and an end in order
        front = watch.look(router.status())["front"]["pid"]
        os.kill(front, signal.SIGKILL)
        router.wait_until(lambda status: status["front"]["pid"] != front, "another front", 30)
        send()
        restarted = run_program("restart", "front", "--runtime-dir", str(router.runtime_dir), timeout_s=60)
        assert restarted.returncode == 0, restarted.stderr
        at = send()
        # a worker that dies when its front does
        status = watch.look(router.status())
        os.kill(status["front"]["pid"], signal.SIGSTOP)
        os.kill(status["workers"][1 - at]["pid"], signal.SIGKILL)
        os.kill(status["front"]["pid"], signal.SIGKILL)
        router.wait_until(lambda now: now["front"]["pid"] != status["front"]["pid"], "another front", 30)
        send()
    router.stop()
    assert sorted(each.name for each in router.runtime_dir.iterdir()) == ["front.lock", "launcher.lock"]
