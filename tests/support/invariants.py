"""What must be true of a router whenever it has had a moment: what it wants, what it holds and what it says agree.

Three views are compared: the status (what front and workers say), the processes' descriptors (what the kernel says),
and where a test gives them, the sessions that clients believe in.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.support.ports import bound_udp_ports, udp_sockets
from tests.support.processes import alive, tcp_sockets
from tests.support.programs import Status
from tests.support.router import RouterProcess
from tests.support.waiting import Deadline

STEADY_LOOKS = 3
"""How often in a row everything must agree: a status and the processes can't be looked at in the same moment."""
SLACK = 2
"""A launcher has a pipe to a front that it started, none to one that it took over. A leak is soon more than that."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process has open."""

    udp_ports: tuple[int, ...]
    connections: int
    """TCP sockets that don't listen."""
    listening: int
    others: int
    """Everything else: logs, epolls, timers, the sockets between the processes."""


class Invariants:
    """Watches one router. Made while nobody uses it: what it has open then is what it may have open ever after."""

    def __init__(self, router: RouterProcess) -> None:
        self._router = router
        self._others: dict[int, int] = {}
        self._tasks = 0
        status = self.check(sessions=set())
        self._tasks = status["front"]["tasks"]

    def check(self, sessions: set[str] | None = None, timeout_s: float = 20.0) -> Status:
        """Wait until all agree, and return the status; `sessions` are those that clients believe in.

        Raises:
            AssertionError: they don't, with every difference.
        """
        deadline, agreed = Deadline(timeout_s), 0
        while True:
            try:
                status = self._router.status()
                found = [*self._differences(status, sessions)]
            except (AssertionError, OSError) as error:  # no front at the moment; a process ended while it was looked at
                found = [str(error)]
            agreed = 0 if found else agreed + 1
            if agreed == STEADY_LOOKS:
                return status
            if deadline.passed and found:
                raise AssertionError(f"not within {timeout_s:g} s:\n  " + "\n  ".join(found))
            time.sleep(0.05)

    def _differences(self, status: Status, sessions: set[str] | None) -> Iterator[str]:
        yield from _workers(status)
        yield from _mounts(status)
        yield from _sessions(status, sessions)
        yield from self._processes(status)
        tasks = status["front"]["tasks"]
        if self._tasks and tasks > self._tasks:
            yield f"the front has {tasks} tasks, {self._tasks} when it had nothing to do"
        if found := self._router.unexpected_tracebacks():
            yield f"tracebacks in the log: {found}"

    def _processes(self, status: Status) -> Iterator[str]:
        found = self._router.note_processes()
        expected = {status["front"]["pid"], *(each["pid"] for each in status["workers"])}
        if self._router.process is not None and alive(self._router.process.pid):
            expected.add(self._router.process.pid)
        if found.keys() != expected:
            yield f"processes {found}, but status speaks of {expected}"
        holdings = {pid: holding(pid) for pid in found}
        yield from _ports(status, holdings, self._router)
        yield from _connections(status, holdings)
        starting = {each["pid"] for each in status["workers"] if each["state"] != "ready"}
        for pid, held in holdings.items():
            if pid in starting or pid not in expected:
                continue  # what it has open so far is no measure
            before = self._others.setdefault(pid, held.others)
            if held.others > before + SLACK:
                yield f"process {pid} has {held.others} other descriptors, {before} at first: {found[pid]}"


def _workers(status: Status) -> Iterator[str]:
    for worker in status["workers"]:
        index = worker["index"]
        if worker["state"] != "ready" or not alive(worker["pid"]):
            yield f"worker {index} is {worker['state']}, pid {worker['pid']}"
        placed = [each for each in status["mounts"] if each["worker"] == index]
        replicas = [each for mount in status["mounts"] for each in mount["replicas"] if each["worker"] == index]
        if worker["mounts"] != len(placed) + len(replicas):
            there = f"{len(placed)} there and {len(replicas)} replicas"
            yield f"worker {index} has {worker['mounts']} mounts, the front placed {there}"
        elsewhere = sum(each["readers"] for mount in placed for each in mount["replicas"])
        readers = sum(each["readers"] for each in placed + replicas) - elsewhere
        if worker["readers"] != readers:
            yield f"worker {index} has {worker['readers']} readers, the front {readers} on its mounts"


def _mounts(status: Status) -> Iterator[str]:
    for mount in status["mounts"]:
        publisher = mount["publisher"]
        if mount["worker"] is None or publisher is None:
            yield f"mount {mount['path']} has worker {mount['worker']} and publisher {publisher}"
        if not all("rtp_port" in track for track in mount["tracks"]):
            yield f"mount {mount['path']} is unknown to worker {mount['worker']}"


def _sessions(status: Status, expected: set[str] | None) -> Iterator[str]:
    paths = {mount["path"]: mount for mount in status["mounts"]}
    publishers = {mount["publisher"]["session"] for mount in status["mounts"] if mount["publisher"] is not None}
    readers: Counter[str] = Counter()
    for session in status["sessions"]:
        if session["mount"] not in paths:
            yield f"session {session['id']} is on {session['mount']}, which is no mount"
        if session["role"] == "reader":
            readers[session["mount"]] += 1
        elif session["id"] not in publishers:
            yield f"session {session['id']} publishes {session['mount']}, which knows nothing of it"
    for path, mount in paths.items():
        if mount["readers"] != readers[path]:
            yield f"mount {path} has {mount['readers']} readers, and {readers[path]} sessions read it"
    known = {each["id"] for each in status["sessions"]}
    if not publishers <= known:
        yield f"publishers of mounts that are no sessions: {publishers - known}"
    if expected is not None and known != expected:
        yield f"sessions that only the router knows: {known - expected}; that only clients know: {expected - known}"


def _ports(status: Status, holdings: dict[int, Holding], router: RouterProcess) -> Iterator[str]:
    """Compare the ports that mounts need with those that workers count as used, and with those that are bound."""
    pids = {worker["index"]: worker["pid"] for worker in status["workers"]}
    needed: dict[int, int | None] = {}
    for mount in status["mounts"]:
        for track in mount["tracks"]:
            port = track.get("rtp_port", 0)
            needed |= {port: pids.get(mount["worker"]), port + 1: pids.get(mount["worker"])}
    used = sum(worker["ports_used"] for worker in status["workers"])
    if used != len(needed):
        yield f"{used} ports are used, {len(needed)} are needed"
    bound = set(bound_udp_ports(router.ports.media_start, router.ports.media_count))
    if bound != needed.keys():
        yield f"ports bound and not needed: {bound - needed.keys()}; needed and not bound: {needed.keys() - bound}"
    held_by: Counter[tuple[int | None, int]] = Counter((owner, port) for port, owner in needed.items())
    for mount in status["mounts"]:
        for replica in mount["replicas"]:  # it has duplicates of its owner's
            ports = [track.get("rtp_port", 0) for track in mount["tracks"]]
            held_by.update((pids.get(replica["worker"]), port + each) for port in ports for each in (0, 1))
    for pid, held in holdings.items():
        own = Counter({port: count for (owner, port), count in held_by.items() if owner == pid})
        if (found := Counter(held.udp_ports)) != own:
            yield f"process {pid} has ports open that are not its own: {found - own}; not: {own - found}"


def _connections(status: Status, holdings: dict[int, Holding]) -> Iterator[str]:
    front = holdings.get(status["front"]["pid"])
    if front is not None and front.connections != status["front"]["connections"]:
        yield f"the front has {front.connections} connections open and knows {status['front']['connections']}"
    handed_over = sum(holdings[each["pid"]].connections for each in status["workers"] if each["pid"] in holdings)
    peers = {each["peer"] for each in status["sessions"] if ":" in each["peer"]}
    if handed_over < len(peers):
        yield f"the workers have {handed_over} connections open, of {len(peers)} clients"
    if front is not None and handed_over > front.connections:
        yield f"the workers have {handed_over} connections open, and the front {front.connections}"


def holding(pid: int) -> Holding:
    """Say what a process has open, empty if it has ended."""
    udp, tcp = udp_sockets(), tcp_sockets()
    ports, connections, listening, others = [], 0, 0, 0
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir(f"/proc/{pid}/fd")
    for name in names:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:  # closed meanwhile
            continue
        inode = target.removeprefix("socket:[").removesuffix("]")
        if inode in udp:
            ports.append(udp[inode])
        elif inode in tcp:
            listening += tcp[inode]
            connections += not tcp[inode]
        else:
            others += 1
    return Holding(tuple(ports), connections, listening, others)
