"""The faults that a router must survive: each does its harm, waits for the recovery, and says what it may cost."""

import os
import signal
import time
from contextlib import suppress
from typing import Any

from tests.support.ordeal import Ordeal, Toll
from tests.support.waiting import eventually

WORKER_LOST = "front: worker lost"
SHORT_S = (0.1, 0.6)
"""How long a process is stopped that nobody takes for dead."""


def kill_worker(ordeal: Ordeal) -> Toll:
    """SIGKILL a worker."""
    return _lose_worker(ordeal, signal.SIGKILL)


def hang_worker(ordeal: Ordeal) -> Toll:
    """SIGSTOP a worker for good: it is found by its missing heartbeats, and killed."""
    return _lose_worker(ordeal, signal.SIGSTOP)


def _lose_worker(ordeal: Ordeal, how: signal.Signals) -> Toll:
    victim = ordeal.victim()
    if victim is None:
        return move_mount(ordeal)
    os.kill(victim["pid"], how)
    ordeal.wait_ready({victim["pid"]})
    return ordeal.toll_of_worker(victim["index"])


def pause_worker(ordeal: Ordeal) -> Toll:
    """SIGSTOP a worker for less than it takes to be missed."""
    _pause(ordeal, ordeal.chance.choice(ordeal.status["workers"])["pid"])
    return Toll()


def pause_front(ordeal: Ordeal) -> Toll:
    """SIGSTOP the front for a moment."""
    _pause(ordeal, ordeal.status["front"]["pid"])
    return Toll()


def _pause(ordeal: Ordeal, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(ordeal.chance.uniform(*SHORT_S))
    finally:
        os.kill(pid, signal.SIGCONT)


def kill_front(ordeal: Ordeal) -> Toll:
    """SIGKILL the front: nobody whose media flows may notice."""
    front = ordeal.status["front"]["pid"]
    begun = time.monotonic()
    os.kill(front, signal.SIGKILL)
    ordeal.wait_ready({front})
    ordeal.note("kill front: until all is ready s", time.monotonic() - begun)
    return Toll(newcomers_may_fail=True)


def kill_front_and_worker(ordeal: Ordeal) -> Toll:
    """SIGKILL both at once: the worker's sessions are gone, the others' are not."""
    victim, front = ordeal.victim(), ordeal.status["front"]["pid"]
    if victim is None:
        return kill_front(ordeal)
    toll = Toll(newcomers_may_fail=True)
    toll.mounts = ordeal.mounts_on(victim["index"])
    toll.closed = {each.number for each in ordeal.readers_of(toll.mounts)}
    for pid in (front, victim["pid"]):
        os.kill(pid, signal.SIGKILL)
    ordeal.wait_ready({front, victim["pid"]})
    return toll


def kill_launcher(ordeal: Ordeal) -> Toll:
    """SIGKILL the launcher, and start `serve` again on the same runtime directory."""
    router = ordeal.router
    assert router.process is not None
    router.process.kill()
    router.process.wait()
    assert router.process.stdout is not None
    router.process.stdout.close()
    router.start()
    return Toll()


def upgrade_launcher(ordeal: Ordeal) -> Toll:
    """Let the launcher become new code."""
    assert ordeal.router.process is not None
    ordeal.router.process.send_signal(signal.SIGUSR2)
    ordeal.router.wait_ready()
    return Toll()


def move_mount(ordeal: Ordeal) -> Toll:
    """Move a mount to another worker."""
    mount = ordeal.chance.choice(ordeal.status["mounts"])
    others = [each["index"] for each in ordeal.status["workers"] if each["index"] != mount["worker"]]
    target = ordeal.chance.choice(others)
    ordeal.order("move", mount["path"], "--to", str(target))
    moved = ordeal.router.mount(mount["path"])
    assert moved is not None
    assert moved["worker"] == target, moved
    return Toll()


def drain_worker(ordeal: Ordeal) -> Toll:
    """Move everything away from a worker, and let another take its place."""
    worker = ordeal.chance.choice(ordeal.status["workers"])
    losses = ordeal.router.log.count(WORKER_LOST)
    ordeal.order("drain", str(worker["index"]))
    ordeal.wait_ready({worker["pid"]})
    assert ordeal.router.log.count(WORKER_LOST) == losses, "a worker that ended in order counts as dead"
    return Toll()


def kill_front_while_draining(ordeal: Ordeal) -> Toll:
    """SIGKILL the front while it moves mounts about: wherever they are then, they go on."""
    worker, front = ordeal.chance.choice(ordeal.status["workers"]), ordeal.status["front"]["pid"]
    _begin_to_drain(ordeal, worker)
    os.kill(front, signal.SIGKILL)
    ordeal.wait_ready({front})
    return Toll(newcomers_may_fail=True)


def kill_worker_while_draining(ordeal: Ordeal) -> Toll:
    """SIGKILL a worker while its mounts are moved away: those that are not there any more lose nothing."""
    worker = ordeal.victim()
    if worker is None:
        return drain_worker(ordeal)
    _begin_to_drain(ordeal, worker)
    with suppress(ProcessLookupError):  # drained by now
        os.kill(worker["pid"], signal.SIGKILL)
    ordeal.wait_ready({worker["pid"]})
    return Toll(unsure=ordeal.mounts_on(worker["index"]))


def _begin_to_drain(ordeal: Ordeal, worker: dict[str, Any]) -> None:
    ordeal.begin_order("drain", str(worker["index"]))
    time.sleep(ordeal.chance.uniform(0.0, 0.2))  # to be somewhere in the middle of it


def restart_workers(ordeal: Ordeal) -> Toll:
    """Replace all workers, one after the other."""
    was = {each["pid"] for each in ordeal.status["workers"]}
    losses = ordeal.router.log.count(WORKER_LOST)
    ordeal.order("restart", "workers", "--rolling")
    ordeal.wait_ready(was)
    assert ordeal.router.log.count(WORKER_LOST) == losses, "a worker that ended in order counts as dead"
    return Toll()


def restart_front(ordeal: Ordeal) -> Toll:
    """Let another front take over; those who are before PLAY may go with the old one."""
    was = ordeal.status["front"]["pid"]
    ordeal.order("restart", "front")
    ordeal.wait_ready({was})
    return Toll(newcomers_may_fail=True)


def upgrade(ordeal: Ordeal) -> Toll:
    """Let launcher, front and workers become the installed code, one after the other."""
    was = {ordeal.status["front"]["pid"], *(each["pid"] for each in ordeal.status["workers"])}
    ordeal.order("upgrade")
    ordeal.router.wait_ready()
    ordeal.wait_ready(was)
    return Toll(newcomers_may_fail=True)


def vanish_publisher(ordeal: Ordeal) -> Toll:
    """Let a publisher go without a word: its mount ends, and so do its readers."""
    mount = ordeal.chance.choice([each for each in range(ordeal.swarm.mounts) if not ordeal.waits(each)])
    ordeal.swarm.vanish([mount])
    path = f"{ordeal.swarm.path}{mount}"
    eventually(lambda: ordeal.router.mount(path) is None, "the end of its mount", 20, 0.1)
    return Toll(mounts={mount}, closed={each.number for each in ordeal.readers_of([mount])})


def return_publisher(ordeal: Ordeal) -> Toll:
    """Let a publisher go without a word, and come back to its mount, which has waited for it."""
    mount = ordeal.chance.choice([each for each in range(ordeal.swarm.mounts) if ordeal.waits(each)])
    path = f"{ordeal.swarm.path}{mount}"
    ordeal.swarm.vanish([mount])

    def waiting() -> bool:
        status = ordeal.router.mount(path)
        assert status is not None, f"{path} did not wait"
        return bool(status["state"] == "waiting")

    eventually(waiting, "a mount that waits", 20, 0.1)
    ordeal.swarm.publish([mount])
    # What was on its way inside a connection may end with it.
    over_tcp = ordeal.transport_of(mount) == "tcp"
    return Toll(renewed={mount}, gaps={each.number for each in ordeal.readers_of([mount])} if over_tcp else set())


def leave_readers(ordeal: Ordeal) -> Toll:
    """Let some readers tear down."""
    numbers = _some_readers(ordeal)
    ordeal.swarm.leave(numbers)
    return Toll(left=set(numbers))


def vanish_readers(ordeal: Ordeal) -> Toll:
    """Let some readers go without a word."""
    numbers = _some_readers(ordeal)
    ordeal.swarm.vanish_readers(numbers)
    return Toll(left=set(numbers))


def _some_readers(ordeal: Ordeal) -> list[int]:
    there = [each.number for each in ordeal.before.readers if each.open]
    return ordeal.chance.sample(there, len(there) // 6)


FAULTS = {
    "kill front": kill_front,
    "kill worker": kill_worker,
    "kill front and worker": kill_front_and_worker,
    "hang worker": hang_worker,
    "pause worker": pause_worker,
    "pause front": pause_front,
    "kill launcher": kill_launcher,
    "upgrade launcher": upgrade_launcher,
    "move mount": move_mount,
    "drain worker": drain_worker,
    "kill front while draining": kill_front_while_draining,
    "kill worker while draining": kill_worker_while_draining,
    "restart workers": restart_workers,
    "restart front": restart_front,
    "upgrade": upgrade,
    "vanish publisher": vanish_publisher,
    "return publisher": return_publisher,
    "leave readers": leave_readers,
    "vanish readers": vanish_readers,
}
