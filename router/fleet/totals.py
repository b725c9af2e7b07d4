"""What the workers of one index have counted, one after the other: a death and a replacement take nothing away."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from router.state.figures import Total
from workers.contract.events import Heartbeat

COUNTED = ("packets_in", "packets_out", "bytes_in", "bytes_out")


@dataclass(slots=True)
class WorkerTotals:
    """The totals of one index, by name and, for drops, by cause. `incarnation` is the worker that has told last."""

    incarnation: str = ""
    counts: defaultdict[str, Total] = field(default_factory=lambda: defaultdict(Total))
    drops: defaultdict[str, Total] = field(default_factory=lambda: defaultdict(Total))

    def take(self, incarnation: str, beat: Heartbeat) -> None:
        """Take the word of a worker, which counts from its own start."""
        if incarnation != self.incarnation:
            self.incarnation = incarnation
            for each in (*self.counts.values(), *self.drops.values()):
                each.begin_anew()
        for name in COUNTED:
            self.counts[name].take(getattr(beat, name))
        for cause, count in beat.drops:
            self.drops[cause].take(count)

    def values(self) -> tuple[dict[str, int], dict[str, int]]:
        """Give all counts, and all drops."""
        return (
            {name: self.counts[name].value for name in COUNTED},
            {cause: each.value for cause, each in self.drops.items()},
        )

    def to_json(self) -> Mapping[str, object]:
        """Write all of it for `from_json`."""
        return {
            "incarnation": self.incarnation,
            "counts": {name: [each.before, each.told] for name, each in self.counts.items()},
            "drops": {cause: [each.before, each.told] for cause, each in self.drops.items()},
        }

    def from_json(self, saved: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
        """Go on from what `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        self.incarnation = str(saved["incarnation"])
        for totals, name in ((self.counts, "counts"), (self.drops, "drops")):
            totals.update({key: Total(int(before), int(told)) for key, (before, told) in saved[name].items()})
