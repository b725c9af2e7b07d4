"""The port slice as a state machine: no pair has two owners, none is lost, none comes back before its rest is over."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workers.sockets.ports import PortPairs


class Pairs(RuleBasedStateMachine):
    """A slice beside a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.used: set[int] = set()
        self.lent: set[int] = set()
        self.freed_at: dict[int, float] = {}

    @initialize(start=st.integers(0, 50), count=st.integers(0, 20), rest=st.sampled_from([0.0, 1.0, 30.0]))
    def begin(self, start: int, count: int, rest: float) -> None:
        self.rest = rest
        self.pairs = PortPairs(start, count, rest)
        self.all = {port for port in range(start, start + count) if port % 2 == 0 and port + 1 < start + count}

    def rested(self) -> set[int]:
        resting = {port for port, at in self.freed_at.items() if at + self.rest > self.now}
        return self.all - self.used - self.lent - resting

    @rule()
    def take(self) -> None:
        could = self.rested()
        port = self.pairs.take(self.now)
        assert (port is None) == (not could)
        if port is not None:
            assert port in could
            self.used.add(port)

    @precondition(lambda self: self.used)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        port = data.draw(st.sampled_from(sorted(self.used)))
        self.pairs.give_back(port, self.now)
        self.used.remove(port)
        if port not in self.lent:
            self.freed_at[port] = self.now

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """Open a mount that has its port from another worker: any but one that a mount here has."""
        port = data.draw(st.sampled_from([*sorted(self.all - self.used), 9_999]))
        self.pairs.claim(port)
        if port in self.all:
            self.used.add(port)
            self.freed_at.pop(port, None)

    @rule(data=st.data())
    def lend(self, data: st.DataObject) -> None:
        ports = data.draw(st.sets(st.sampled_from([*sorted(self.all), 9_999])))
        self.pairs.lend(tuple(ports), self.now)
        back = self.lent - ports - self.used
        self.lent = ports & self.all
        self.freed_at = {port: at for port, at in self.freed_at.items() if port not in self.lent}
        self.freed_at |= dict.fromkeys(back, self.now)

    @rule(port=st.integers(0, 80))
    def give_back_again_or_foreign(self, port: int) -> None:
        if port not in self.used:  # one that is lent is not this worker's to give back
            self.pairs.give_back(port, self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counts_are_true(self) -> None:
        if hasattr(self, "pairs"):
            assert self.pairs.count_used == 2 * len(self.used | self.lent)
            assert set(self.pairs.lent) == self.lent
            assert self.pairs.count_free(self.now) == 2 * len(self.rested())


TestPairs = Pairs.TestCase
