"""What came of the packets that a reader should have got: the slow and exact judgement, packet by packet.

Readers compare whole batches with what they expect. Only where that fails is each packet looked at, here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from router.bench.board import STAMPS, Board
from router.bench.shape import RTP_HEADER_BYTES
from router.bench.stream import SyntheticStream

STEP_S = 10e-6
"""How finely latencies are told apart."""
_STEPS = 500_000
"""5 s; what took longer counts as 5 s."""
_MOST_MISSING = 65_536
_LOOK_BACK, _LOOK_AHEAD = 4096, 512
"""Where a first packet may be that has an unknown number: what a server still holds, and a frame being sent."""


@dataclass(slots=True)
class PacketCounts:
    """Packets by what became of them. `delivered` are those that were right, in order or not."""

    delivered: int = 0
    lost: int = 0
    damaged: int = 0
    reordered: int = 0
    duplicated: int = 0

    def add(self, other: "PacketCounts") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def faults(self) -> int:
        return self.lost + self.damaged + self.reordered + self.duplicated

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


class Latencies:
    """How long packets took, in steps of 10 microseconds."""

    def __init__(self) -> None:
        self._counts = [0] * (_STEPS + 1)

    def add(self, latency_s: float, packets: int) -> None:
        self._counts[min(_STEPS, max(0, int(latency_s / STEP_S)))] += packets

    def percentiles_ms(self, shares: Sequence[float]) -> list[float | None]:
        """Give the latencies that these shares of all packets did not exceed; None where there are no packets."""
        total = sum(self._counts)
        if not total:
            return [None] * len(shares)
        wanted = sorted((share * total, place) for place, share in enumerate(shares))
        found: list[float | None] = [None] * len(shares)
        seen = step = 0
        for least, place in wanted:
            while seen < least:
                seen += self._counts[step]
                step += 1
            found[place] = round(step * STEP_S * 1000, 3)
        return found


class Tally:
    """One reader's account: `next` is the packet that must come next, None before the first came."""

    def __init__(self, stream: SyntheticStream, mount: int, board: Board, latencies: Latencies) -> None:
        self.allow_renumbering = False
        """Whether the server may have sequence numbers of its own, the same to all readers."""
        self.stream = stream
        self.mount = mount
        self.verdict = PacketCounts()
        self.next: int | None = None
        self.first = 0
        self._board = board
        self._latencies = latencies
        self._missing: set[int] = set()

    def accept(self, count: int, now: float) -> None:
        """Count packets that were as expected."""
        assert self.next is not None
        first = self.next
        self.next = first + count
        self.verdict.delivered += count
        if self._board.measuring:
            self._time(first, count, now)

    def _time(self, first: int, count: int, now: float) -> None:
        layout = self.stream.layout
        while count:
            frame, end = layout.frame_at(first)
            packets = min(count, end - first)
            sent_at = self._board.stamps[self.mount * STAMPS + frame % STAMPS]
            self._latencies.add(now - sent_at, packets)
            first += packets
            count -= packets

    def judge(self, length: int, seen: bytes, now: float) -> None:
        """Judge one packet. `seen` is as much of it as there was room for: all, unless a packet was lost before it."""
        if len(seen) < min(length, RTP_HEADER_BYTES) or length <= RTP_HEADER_BYTES:
            self._damage()
            return
        if self.next is None and self.allow_renumbering:
            self._find_numbers(seen)
        expected_next = self._board.sent[self.mount] if self.next is None else self.next
        index = expected_next + self._distance(expected_next, int.from_bytes(seen[2:4], "big"))
        if index < 0 or not self._is_packet(index, length, seen):
            self._damage()
            return
        if self.next is None:
            self.next = self.first = index
        ahead = index - self.next
        if ahead < 0:
            self._late(index)
            return
        if ahead:
            self.verdict.lost += ahead
            if len(self._missing) < _MOST_MISSING:
                self._missing.update(range(self.next, index))
            self.next = index
        self.accept(1, now)

    def _find_numbers(self, seen: bytes) -> None:
        """Find a first packet by all but its sequence number."""
        sent = self._board.sent[self.mount]
        for index in range(max(0, sent - _LOOK_BACK), sent + _LOOK_AHEAD):
            expected = self.stream.packet(index)
            if seen[4:] == expected[4:]:
                self.stream.renumber(index, int.from_bytes(seen[2:4], "big"))
                return

    def _distance(self, index: int, sequence: int) -> int:
        """Say how far ahead (or behind: negative) of packet `index` a sequence number is."""
        return (sequence - self.stream.first_sequence - index + 0x8000) % 0x10000 - 0x8000

    def _is_packet(self, index: int, length: int, seen: bytes) -> bool:
        expected = self.stream.packet(index)
        return length == len(expected) and seen == expected[: len(seen)]

    def _damage(self) -> None:
        self.verdict.damaged += 1

    def _late(self, index: int) -> None:
        if index in self._missing:
            self._missing.discard(index)
            self.verdict.lost -= 1
            self.verdict.reordered += 1
            self.verdict.delivered += 1
        else:
            self.verdict.duplicated += 1

    def finish(self, sent: int) -> None:
        """Count what never came of the packets that were sent."""
        if self.next is not None:
            self.verdict.lost += max(0, sent - self.next)
            self.next = max(sent, self.next)
