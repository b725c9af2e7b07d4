"""One fault after the other on a router under load, and what must be true after each."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import zmq

from tests.support.invariants import Invariants
from tests.support.programs import Status, run_program
from tests.support.router import RouterProcess
from tests.support.swarm import ReaderVerdict, Report, Swarm
from tests.support.swarm.verdicts import summary
from tests.support.waiting import eventually
from workers.contract.administration import AdminCommand
from workers.contract.codec import Envelope, encode
from workers.contract.endpoints import Endpoints

PATH = "/ordeal-"
"""Where the mounts of the swarm are, each followed by its number."""
SETTINGS = {
    "heartbeat_interval_s": 0.2,
    "heartbeat_timeout_s": 2,
    "session_timeout_s": 4,
    "handshake_timeout_s": 4,
    "stale_after_s": 1,
    "publish_timeout_s": 20,
    "port_rest_s": 0.2,
    "rebalance": "off",  # what a fault costs is known from where the mounts were before it
    "mounts": {f"{PATH}1*": {"reconnect_grace_s": 30}},
}
"""Times that are waited for are short; those that busy cores could bring about are not."""

MOST_DEATHS, MOST_DEATHS_OF_INDEX = 2, 4
DEATHS_WITHIN_S = 70.0
"""One death more of a mount's workers, or of an index's, within a minute would be the one too many."""

RECOVERY_TIMEOUT_S = 40.0
"""A program that dies again and again is started again after up to 10 s, and the cores are busy."""


@dataclass(slots=True)
class Toll:
    """What a fault may cost. Readers by their numbers, mounts by theirs; whoever is in none of these loses nothing."""

    gaps: set[int] = field(default_factory=set)
    """Readers that may lose packets, and stay."""
    closed: set[int] = field(default_factory=set)
    """Readers whose connection must be ended."""
    mounts: set[int] = field(default_factory=set)
    """Mounts that lose their publisher."""
    renewed: set[int] = field(default_factory=set)
    """Mounts that have another publisher."""
    left: set[int] = field(default_factory=set)
    """Readers that go by themselves."""
    unsure: set[int] = field(default_factory=set)
    """Mounts that were on their way when a worker died: where they were then, and so what they lose, nobody can say."""
    newcomers_may_fail: bool = False
    """Whether those who come meanwhile may be turned away, as a connection before PLAY dies with the front."""


class Ordeal:
    """A router with a swarm on it, and the state that the last fault left them in."""

    def __init__(self, router: RouterProcess, swarm: Swarm, invariants: Invariants, chance: random.Random) -> None:
        self.router = router
        self.swarm = swarm
        self.chance = chance
        self.figures: dict[str, float] = {}
        """The worst of each, by name."""
        self._invariants = invariants
        self._bereaved: set[int] = set()
        """Readers whose worker has died: what it had read of their requests died with it, and they wait for long."""
        self._deaths: dict[tuple[str, int], list[float]] = {}
        self.before = swarm.settle()
        self.before.assert_whole()
        self.status = invariants.check(self.before.sessions)

    # -- what the faults need to know ---------------------------------------------------------------------------

    def mounts_on(self, index: int) -> set[int]:
        """List the mounts that a worker had after the last fault."""
        prefix = self.swarm.path
        paths = [each["path"] for each in self.status["mounts"] if each["worker"] == index]
        return {int(path.removeprefix(prefix)) for path in paths}

    def readers_of(self, mounts: Iterable[int]) -> list[ReaderVerdict]:
        """List the open readers of mounts."""
        chosen = set(mounts)
        return [each for each in self.before.readers if each.open and each.mount in chosen]

    def waits(self, mount: int) -> bool:
        """Say whether a mount waits for its publisher to come back."""
        return str(mount).startswith("1")

    def transport_of(self, mount: int) -> str:
        """Say how a mount is published."""
        return next(each.transport for each in self.before.publishers if each.mount == mount)

    def victim(self) -> dict[str, Any] | None:
        """Choose a worker to die, None if none may: who dies too often is given up, and so are its mounts."""
        now = time.monotonic()

        def may_die(worker: dict[str, Any]) -> bool:
            mounts = self.mounts_on(worker["index"])
            often = [len(self._recent(self._deaths.get(("mount", each), []), now)) >= MOST_DEATHS for each in mounts]
            own = self._recent(self._deaths.get(("worker", worker["index"]), []), now)
            return not any(often) and len(own) < MOST_DEATHS_OF_INDEX

        found = [each for each in self.status["workers"] if may_die(each)]
        if not found:
            return None
        worker: dict[str, Any] = self.chance.choice(found)
        for key in [("worker", worker["index"]), *(("mount", each) for each in self.mounts_on(worker["index"]))]:
            self._deaths[key] = [*self._recent(self._deaths.get(key, []), now), now]
        return worker

    def _recent(self, deaths: list[float], now: float) -> list[float]:
        return [each for each in deaths if now - each < DEATHS_WITHIN_S]

    def toll_of_worker(self, index: int) -> Toll:
        """Say what the death of a worker costs: a gap to what travels over UDP, its end to what travels inside TCP."""
        toll = Toll()
        for mount in self.mounts_on(index):
            readers = self.readers_of([mount])
            goes_on = self.transport_of(mount) == "udp"
            if not goes_on:
                toll.mounts.add(mount)
            for each in readers:
                stays = each.transport == "udp" and (goes_on or self.waits(mount))
                (toll.gaps if stays else toll.closed).add(each.number)
        return toll

    def order(self, *arguments: str) -> None:
        """Give the running router an order on the command line, and wait until it is carried out."""
        done = run_program(*arguments, "--runtime-dir", str(self.router.runtime_dir), timeout_s=2 * RECOVERY_TIMEOUT_S)
        assert done.returncode == 0, f"{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}"

    def begin_order(self, verb: str, *arguments: str) -> None:
        """Give a running front an order, and don't wait for what becomes of it."""
        context = zmq.Context()
        try:
            with context.socket(zmq.DEALER) as sock:
                sock.linger = 2000  # milliseconds: the order has to leave
                sock.connect(Endpoints(self.router.runtime_dir).control)
                sock.send(encode(Envelope("", "", 1, AdminCommand(verb, arguments))))
        finally:
            context.term()

    def note(self, name: str, value: float) -> None:
        """Remember the worst of a figure."""
        self.figures[name] = max(self.figures.get(name, 0.0), round(value, 3))

    def wait_ready(self, was: set[int] = frozenset()) -> Status:  # type: ignore[assignment]  # a set of none
        """Wait until the front and all workers are there, none of them one of the processes that `was`."""

        def ready() -> Status | None:
            status = self.router.status()
            pids = {status["front"]["pid"], *(each["pid"] for each in status["workers"])}
            good = all(each["state"] == "ready" for each in status["workers"]) and not pids & was
            return status if good else None

        return eventually(ready, "a front with all its workers", RECOVERY_TIMEOUT_S)

    # -- one fault ----------------------------------------------------------------------------------------------

    def suffer(self, name: str, fault: "Callable[[Ordeal], Toll]") -> None:
        """Do it, with clients that come meanwhile, see that it cost what it may and no more, and make the loss good."""
        self.swarm.mark()
        begun = time.monotonic()
        mounts = self.chance.sample(range(self.swarm.mounts), 2)
        newcomers = self.swarm.begin_read(mounts, [self.chance.choice(("udp", "tcp"))])
        toll = fault(self)
        eventually(lambda: self._all_closed(toll), "the end of those who must go", RECOVERY_TIMEOUT_S, 0.1)
        failures = self.swarm.wait(newcomers, RECOVERY_TIMEOUT_S)["failures"]
        touched = {each.mount for each in self.before.readers if each.number in toll.gaps | toll.closed} | toll.unsure
        assert not failures or toll.newcomers_may_fail or touched & set(mounts), failures
        report = self.swarm.settle(RECOVERY_TIMEOUT_S)
        self._judge(report, toll)
        self.note(f"{name}: s", time.monotonic() - begun)
        # Readers of a mount that waits for its publisher have a gap of the publisher's making.
        bereaved = report.only(lambda each: each.number in toll.gaps and each.mount not in toll.mounts | toll.renewed)
        if bereaved.readers:
            self.note(f"{name}: gap ms", bereaved.gap_ms)
        self.note(f"{name}: pause ms", report.only(lambda each: each.number not in toll.gaps).delay_ms)
        self.note(f"{name}: load late ms", report.late_ms)
        self._make_good(toll, report)

    def _all_closed(self, toll: Toll) -> bool:
        missing = toll.closed - {each.number for each in self.swarm.report().closed}
        assert not missing, f"still open: {sorted(missing)}"
        return True

    def _judge(self, report: Report, toll: Toll) -> None:
        before = {each.number: each for each in self.before.readers}
        self._bereaved |= toll.gaps | {each.number for each in report.readers if each.mount in toll.unsure}
        wrong = [
            f"{complaint}: {summary(each)}\n      before: {summary(before[each.number])}"
            for each in report.readers
            if each.number in before
            and (complaint := _complaint(before[each.number], each, toll, excused=each.number in self._bereaved))
        ]
        for each in report.readers:  # newcomers
            if (
                each.number not in before
                and each.faults
                and each.mount not in toll.mounts | toll.unsure
                and not toll.gaps
            ):
                wrong.append(f"a newcomer has faults: {summary(each)}")
        wrong += [f"no media: {summary(each)}" for each in report.readers if each.number in report.waiting]
        publishers = {each.mount: each for each in self.before.publishers}
        for publisher in report.publishers:
            was = publishers[publisher.mount]
            same = (publisher.session, publisher.server_port) == (was.session, was.server_port)
            if publisher.mount not in toll.mounts | toll.renewed | toll.unsure and not (same and publisher.open):
                wrong.append(f"publisher: {publisher}\n      before: {was}")
            if len(publisher.answers.wrong) > len(was.answers.wrong) and same:
                wrong.append(f"wrong answers to a publisher: {publisher}")
        assert not wrong, f"{len(wrong)} complaints:\n" + "\n".join(wrong[:12])

    def _make_good(self, toll: Toll, report: Report) -> None:
        """Publish and read again what was lost, and hold the number of readers about where it was."""
        lost = {each.mount for each in report.publishers if each.mount in toll.unsure and not each.open}
        self.swarm.publish(sorted(toll.mounts | lost))
        for mount in range(self.swarm.mounts):
            there = [each for each in report.readers if each.open and each.mount == mount]
            for transport, wanted in self._wanted().items():
                numbers = [each.number for each in there if each.transport == transport]
                if numbers[wanted:]:
                    self.swarm.leave(numbers[wanted:])
                elif len(numbers) < wanted:
                    self.swarm.read([mount], [transport] * (wanted - len(numbers)))
        self.before = self.swarm.settle(RECOVERY_TIMEOUT_S)
        assert not self.before.waiting, f"no media after repair: {self.before.waiting}"
        self.status = self._invariants.check(self.before.sessions, RECOVERY_TIMEOUT_S)

    def _wanted(self) -> dict[str, int]:
        by = self.swarm.read_by
        readers = [by[reader % len(by)] for reader in range(self.swarm.readers)]
        return {transport: readers.count(transport) for transport in ("udp", "tcp")}


def _complaint(was: ReaderVerdict, now: ReaderVerdict, toll: Toll, *, excused: bool) -> str:
    """Say what is not as it must be with a reader that was there before the fault, "" if all is.

    Who is `excused` may wait in vain for an answer.
    """
    if not was.open or now.number in toll.left:
        return ""
    if now.number in toll.closed:
        return "" if now.closed_at is not None else "must be closed"
    if not now.open:
        return "" if now.mount in toll.unsure else "closed"
    if (now.damaged, now.reordered, now.duplicated) != (was.damaged, was.reordered, was.duplicated):
        return "damaged, reordered or duplicated packets"
    may_lose = now.number in toll.gaps or now.mount in toll.unsure
    if not may_lose and now.lost != was.lost:
        return "lost packets"
    if now.answers.wrong != was.answers.wrong:
        return "wrong answers"
    if not excused and now.answers.unanswered != was.answers.unanswered:
        return "unanswered requests"
    return ""
