"""What the swarm says of its sessions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of a session's requests while its media flowed. Times are in milliseconds."""

    good: int
    unanswered: int
    """Given up after 20 s without an answer."""
    wrong: tuple[str, ...]
    """Answers other than 200 to the request that was made, for this session."""
    slowest_ms: float
    waiting_ms: float
    """How long the present request has waited; 0 if there is none."""

    @property
    def bad(self) -> int:
        """How many requests were not answered as they should be."""
        return self.unanswered + len(self.wrong)


@dataclass(frozen=True, slots=True)
class PublisherVerdict:
    """One mount's publisher."""

    mount: int
    path: str
    transport: str
    session: str
    server_port: int
    """0 over TCP."""
    sent: int
    """The mount's packets so far, whoever published them."""
    unsent: int
    """Packets of those that the router's end did not take: no port there, or a connection that is full or gone."""
    closed_at: float | None
    """When the router ended the connection, monotonic; None while it stands."""
    gone: str
    """How it went by itself: "", or "vanished" without a word."""
    answers: Answers

    @property
    def open(self) -> bool:
        """Whether it should still be listened to."""
        return self.closed_at is None and not self.gone


@dataclass(frozen=True, slots=True)
class ReaderVerdict:
    """One reader. Packets are counted from the first that it got; `behind` is how far it is behind its publisher."""

    number: int
    mount: int
    path: str
    transport: str
    session: str
    server_port: int
    """0 over TCP."""
    delivered: int
    lost: int
    damaged: int
    """Changed, cut, from another stream, or with another SSRC."""
    reordered: int
    duplicated: int
    first: int
    next: int | None
    """The packet that must come next; None before the first."""
    behind: int
    gap_ms: float
    """The longest time without a packet since the last mark, the present one included while it is open."""
    delay_ms: float
    """The longest that a packet took since the last mark."""
    closed_at: float | None
    """When the router ended the connection, monotonic; None while it stands."""
    gone: str
    """How it went by itself: "", "left" with a TEARDOWN, "vanished" without a word."""
    answers: Answers

    @property
    def open(self) -> bool:
        """Whether it should still get media."""
        return self.closed_at is None and not self.gone

    @property
    def faults(self) -> int:
        """How many packets were not as they should be."""
        return self.lost + self.damaged + self.reordered + self.duplicated


@dataclass(frozen=True, slots=True)
class Report:
    """What the swarm has seen so far."""

    readers: tuple[ReaderVerdict, ...]
    publishers: tuple[PublisherVerdict, ...]
    late_ms: float
    """The latest that the swarm itself sent a frame since the last mark: a gap of so much is its own."""
    dropped_by_swarm: int
    """Packets that the kernel dropped at the readers' own sockets."""
    waiting: tuple[int, ...] = field(default=())
    """Readers that have not got what was sent until they were waited for."""

    def only(self, chosen: Callable[[ReaderVerdict], object]) -> "Report":
        """Give the report of some readers only."""
        kept = tuple(each for each in self.readers if chosen(each))
        numbers = {each.number for each in kept}
        waiting = tuple(number for number in self.waiting if number in numbers)
        return Report(kept, self.publishers, self.late_ms, self.dropped_by_swarm, waiting)

    def on(self, mounts: Iterable[int]) -> "Report":
        """Give the report of these mounts' readers only."""
        numbers = set(mounts)
        return self.only(lambda each: each.mount in numbers)

    def _sum(self, name: str) -> int:
        return sum(getattr(each, name) for each in self.readers)

    @property
    def delivered(self) -> int:
        """Packets that were right."""
        return self._sum("delivered")

    @property
    def lost(self) -> int:
        """Packets that never came, though later ones did, or the publisher has stopped since."""
        return self._sum("lost")

    @property
    def damaged(self) -> int:
        """Packets that were not the publisher's."""
        return self._sum("damaged")

    @property
    def reordered(self) -> int:
        """Packets that came after later ones."""
        return self._sum("reordered")

    @property
    def duplicated(self) -> int:
        """Packets that came again."""
        return self._sum("duplicated")

    @property
    def closed(self) -> tuple[ReaderVerdict, ...]:
        """The readers whose connections the router ended."""
        return tuple(each for each in self.readers if each.closed_at is not None)

    @property
    def gap_ms(self) -> float:
        """The longest time that any open reader was without a packet, since the last mark."""
        return max((each.gap_ms for each in self.readers if each.open), default=0.0)

    @property
    def delay_ms(self) -> float:
        """The longest that any packet took to an open reader, since the last mark."""
        return max((each.delay_ms for each in self.readers if each.open), default=0.0)

    @property
    def all_answered(self) -> bool:
        """Whether each session has had an answer to a request while its media flowed."""
        return all(each.answers.good for each in self.readers) and all(each.answers.good for each in self.publishers)

    @property
    def sessions(self) -> set[str]:
        """The ids of all sessions that should be: the open readers' and the publishers'."""
        publishers = {each.session for each in self.publishers if each.open}
        return publishers | {each.session for each in self.readers if each.open}

    def assert_whole(self) -> None:
        """Assert that no packet was lost, changed, out of order or doubled, that nobody is closed or without media,
        and that every request was answered as it should be.
        """
        wrong = [each for each in self.readers if each.faults or each.closed_at is not None or each.answers.bad]
        wrong += [each for each in self.readers if each.number in self.waiting and each not in wrong]
        assert not wrong, f"{len(wrong)} of {len(self.readers)} readers:\n" + "\n".join(map(summary, wrong[:20]))
        refused = [each for each in self.publishers if each.answers.bad]
        assert not refused, f"requests of publishers: {refused[:5]}"


def summary(reader: ReaderVerdict) -> str:
    """Say of a reader what matters when something is wrong, in one line."""
    counts = " ".join(
        f"{name}={getattr(reader, name)}"
        for name in ("delivered", "lost", "damaged", "reordered", "duplicated", "behind")
    )
    return (
        f"reader {reader.number} of {reader.path} over {reader.transport}: {counts} gap={reader.gap_ms:.0f} ms"
        f" closed_at={reader.closed_at} {reader.gone} requests: {reader.answers}"
    )


def read_report(fields: dict[str, Any]) -> Report:
    """Make a report from what the program wrote."""

    def answers(said: dict[str, Any]) -> dict[str, Any]:
        told = said.pop("answers")
        return said | {"answers": Answers(**told | {"wrong": tuple(told["wrong"])})}

    return Report(
        tuple(ReaderVerdict(**answers(each)) for each in fields["readers"]),
        tuple(PublisherVerdict(**answers(each)) for each in fields["publishers"]),
        fields["late_ms"],
        fields["dropped_by_swarm"],
        tuple(fields.get("waiting", ())),
    )
