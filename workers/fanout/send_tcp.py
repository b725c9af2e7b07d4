"""Sends bursts to interleaved readers: framed once for each channel, then one write for each reader.

A reader for which there is no room gets whole frames, from a random-access point on (`catching_up`).
"""

from typing import Protocol

from workers.contract.image import CatchingUpImage, DeliveryImage
from workers.fanout.burst import PacketBurst, frame_runs, runs_of
from workers.fanout.catching_up import SortedBurst, choose
from workers.fanout.outlet import Outlet, TooSlowError
from workers.rtp.access_points import AccessPoints
from workers.runtime.counters import Drop


class SlowReaderWatch(Protocol):
    """Is told when a reader falls behind and when it has caught up."""

    def fell_behind(self, now: float) -> None:
        """Take note that it misses packets from now on."""

    def caught_up(self, episode: CatchingUpImage) -> None:
        """Take note that it misses none any more, or is gone."""


class Subscriber:
    """One interleaved reader's channel on one track."""

    __slots__ = ("channel", "index", "offered_before", "outlet", "state", "subscribed", "watch")

    def __init__(
        self, outlet: Outlet, channel: int, state: DeliveryImage, watch: SlowReaderWatch | None = None
    ) -> None:
        self.outlet = outlet
        self.channel = channel
        self.state = state
        """With what it has missed and waits for (`catching_up`); None while it gets everything."""
        self.watch = watch
        self.index = 0
        self.offered_before = 0
        self.subscribed = False


class TcpFan:
    """The interleaved readers of one track's RTP or RTCP, by channel.

    `access_points` are known for RTP: a reader that had no room for something gets whole frames then. It is apart from
    those that get everything, so that these cost no more for it.
    """

    def __init__(self, access_points: AccessPoints | None = None) -> None:
        self._access_points = access_points
        self._channels: dict[int, list[Subscriber]] = {}
        self._behind: list[Subscriber] = []
        self._offered = 0

    def __contains__(self, member: Subscriber) -> bool:
        return member.subscribed

    def __len__(self) -> int:
        return sum(map(len, self._channels.values())) + len(self._behind)

    def add(self, member: Subscriber, now: float) -> None:
        """Send to this reader from the next burst on; harmless if it is so already. One that has missed something at
        another worker goes on to wait."""
        if member.subscribed:
            return
        member.subscribed = True
        member.offered_before = self._offered
        if member.state.catching_up is None:
            self._join(member)
        else:
            self._fall_behind(member, now)

    def _fall_behind(self, member: Subscriber, now: float) -> None:
        self._behind.append(member)
        if member.watch is not None:
            member.watch.fell_behind(now)

    def _join(self, member: Subscriber) -> None:
        members = self._channels.setdefault(member.channel, [])
        member.index = len(members)
        members.append(member)

    def remove(self, member: Subscriber) -> None:
        """Stop to send to this reader; harmless if it is so already."""
        if not member.subscribed:
            return
        self._count(member)
        member.subscribed = False
        if member.state.catching_up is not None:
            self._end_catching_up(member)
        else:
            self._part(member)

    def _part(self, member: Subscriber) -> None:
        members = self._channels[member.channel]
        last = members.pop()
        if last is not member:
            last.index = member.index
            members[last.index] = last
        if not members:
            del self._channels[member.channel]

    def _count(self, member: Subscriber) -> None:
        member.state.sent += self._offered - member.offered_before
        member.offered_before = self._offered

    def pack(self) -> None:
        """Bring the members' counts up to date."""
        for members in (*self._channels.values(), self._behind):
            for each in members:
                self._count(each)

    def packets_to(self, member: Subscriber) -> int:
        """Count the packets that were written or queued for this reader."""
        running = self._offered - member.offered_before if member.subscribed else 0
        return member.state.sent + running - member.state.dropped

    def send_one(self, member: Subscriber, packet: bytes, now: float) -> None:
        """Send one packet to one reader (or publisher)."""
        member.state.sent += 1
        if not member.outlet.send_media(frame_runs(((packet, len(packet), 1),), member.channel), 1, now):
            self._leave_out(member, 1, Drop.QUEUE_FULL)

    def send(self, burst: PacketBurst, now: float) -> None:
        if not self._channels and not self._behind:
            return
        packets = burst.packets
        self._offered += packets
        full: list[Subscriber] = []
        for channel, members in self._channels.items():
            data = frame_runs(burst.runs, channel)
            for member in members:
                if not member.outlet.send_media(data, packets, now):
                    full.append(member)
        if full or self._behind:
            self._serve_slow(full, burst, now)

    # -- readers that had no room ---------------------------------------------------------------------------------

    def _serve_slow(self, full: list[Subscriber], burst: PacketBurst, now: float) -> None:
        full = [each for each in full if not self._has_failed(each, burst.packets)]
        if self._access_points is None:
            for member in full:
                self._leave_out(member, burst.packets, Drop.QUEUE_FULL)
            return
        sorted_burst = SortedBurst(burst.runs, self._access_points)
        cause = Drop.AWAITING_ACCESS_POINT if self._access_points.awaited else Drop.QUEUE_FULL
        for member in list(self._behind):
            self._serve_one(member, sorted_burst, cause, now)
        for member in full:
            self._part(member)
            member.state.catching_up = CatchingUpImage(now)
            self._fall_behind(member, now)
            self._serve_one(member, sorted_burst, Drop.QUEUE_FULL, now)

    def _has_failed(self, member: Subscriber, packets: int) -> bool:
        """Tell whether its connection is about to be closed, and nothing need be done but to count."""
        error = member.outlet.error
        if error is not None:
            self._leave_out(
                member, packets, Drop.QUEUE_FULL if isinstance(error, TooSlowError) else Drop.CONNECTION_LOST
            )
        return error is not None

    def _serve_one(self, member: Subscriber, burst: SortedBurst, cause: Drop, now: float) -> None:
        outlet, missed = member.outlet, member.state.catching_up
        assert missed is not None
        # A decoder that begins again with hardly any room would lose the next picture at once.
        part = 0.5 if self._access_points is not None and self._access_points.awaited else 1.0

        def has_room(following: list[bytes]) -> bool:
            return outlet.has_room(sum(map(len, following)) + 4 * len(following), part)

        begun, following = choose(missed, burst, has_room)
        sent = [*begun, *following]
        if sent and not outlet.finish_frame(_frames(sent, member.channel), len(sent), now):
            sent = []
        left_out = len(burst.packets) - len(sent)
        self._leave_out(member, left_out, cause)
        missed.packets += left_out
        missed.bytes += sum(map(len, burst.packets)) - sum(map(len, sent))
        if following and sent:
            self._end_catching_up(member)
            self._join(member)

    def _end_catching_up(self, member: Subscriber) -> None:
        missed, member.state.catching_up = member.state.catching_up, None
        self._behind.remove(member)
        if member.watch is not None and missed is not None:
            member.watch.caught_up(missed)

    def _leave_out(self, member: Subscriber, packets: int, cause: Drop) -> None:
        member.state.dropped += packets
        member.outlet.leave_out(packets, cause)


def _frames(packets: list[bytes], channel: int) -> bytes:
    return frame_runs(runs_of(packets, list(map(len, packets))), channel)
