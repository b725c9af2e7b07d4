"""The multicast groups as a state machine: no group has two owners, none is lost, none is back before it has rested."""

from ipaddress import ip_address, ip_network

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from router.state.multicast import Groups


class Pool(RuleBasedStateMachine):
    """A range beside a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.used: list[tuple[str, ...]] = []
        self.freed_at: dict[str, float] = {}

    @initialize(
        network=st.sampled_from(["239.0.0.0/32", "239.255.255.252/30", "ff15::1:0/124"]),
        rest=st.sampled_from([0.0, 1.0, 30.0]),
    )
    def begin(self, network: str, rest: float) -> None:
        self.rest = rest
        self.groups = Groups(ip_network(network), rest)
        self.all = {str(each) for each in ip_network(network)}

    def rested(self) -> set[str]:
        resting = {group for group, at in self.freed_at.items() if at + self.rest > self.now}
        return self.all - {group for owned in self.used for group in owned} - resting

    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        could = self.rested()
        taken = self.groups.take(count, self.now)
        assert (taken is None) == (len(could) < count)
        if taken is not None:
            assert len(set(taken)) == count
            assert could.issuperset(taken)
            assert all(ip_address(each).is_multicast for each in taken)
            self.used.append(taken)

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """Know groups again that a mount had before this front began, some of another range."""
        free = self.all - {group for owned in self.used for group in owned}
        claimed = tuple(sorted(data.draw(st.sets(st.sampled_from([*sorted(free), "239.9.9.9"])))))
        self.groups.claim(claimed)
        self.groups.claim(claimed)
        self.used.append(tuple(each for each in claimed if each in self.all))
        for each in claimed:
            self.freed_at.pop(each, None)

    @precondition(lambda self: self.used)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        owned = self.used.pop(data.draw(st.integers(0, len(self.used) - 1)))
        self.groups.give_back(owned, self.now)
        self.groups.give_back(owned, self.now)
        self.freed_at.update(dict.fromkeys(owned, self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_count_is_true(self) -> None:
        if hasattr(self, "groups"):
            assert self.groups.count_used == sum(map(len, self.used))


TestPool = Pool.TestCase
