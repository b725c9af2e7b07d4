"""Sends bursts to interleaved readers: framed once for each channel, then one write for each reader.

A reader for which there is no room gets whole frames, from a random-access point on (`catching_up`).
"""

from typing import Protocol

from workers.fanout.burst import Run, frame_runs, runs_of
from workers.fanout.catching_up import CatchingUp, Episode, SortedBurst
from workers.fanout.outlet import Outlet, TooSlowError
from workers.rtp.access_points import AccessPoints
from workers.runtime.counters import Drop


class SlowReaderWatch(Protocol):
    """Is told when a reader falls behind and when it has caught up."""

    def fell_behind(self, now: float) -> None:
        """Take note that it misses packets from now on."""

    def caught_up(self, episode: Episode) -> None:
        """Take note that it misses none any more, or is gone."""


class Subscriber:
    """One interleaved reader's channel on one track."""

    __slots__ = (
        "catching_up",
        "channel",
        "dropped",
        "index",
        "offered_before",
        "outlet",
        "sent_before",
        "subscribed",
        "watch",
    )

    def __init__(self, outlet: Outlet, channel: int, watch: SlowReaderWatch | None = None) -> None:
        self.outlet = outlet
        self.channel = channel
        self.watch = watch
        self.index = 0
        self.dropped = 0
        self.offered_before = 0
        self.sent_before = 0
        self.subscribed = False
        self.catching_up: CatchingUp | None = None
        """What it has missed and waits for; None while it gets everything."""


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

    def __len__(self) -> int:
        return sum(map(len, self._channels.values())) + len(self._behind)

    def add(self, member: Subscriber) -> None:
        """Send to this reader from the next burst on; harmless if it is so already."""
        if not member.subscribed:
            member.subscribed = True
            member.offered_before = self._offered
            self._join(member)

    def add_again(self, member: Subscriber, catching_up: CatchingUp | None, now: float) -> None:
        """Send to this reader as another worker did; one that has missed something goes on to wait."""
        self.add(member)
        if catching_up is not None and member.catching_up is None:
            self._part(member)
            self._behind.append(member)
            member.catching_up = catching_up
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
        member.subscribed = False
        member.sent_before += self._offered - member.offered_before
        if member.catching_up is not None:
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

    def packets_to(self, member: Subscriber) -> int:
        """Count the packets that were written or queued for this reader."""
        running = self._offered - member.offered_before if member.subscribed else 0
        return member.sent_before + running - member.dropped

    def send_one(self, member: Subscriber, packet: bytes, now: float) -> None:
        """Send one packet to one reader (or publisher)."""
        member.sent_before += 1
        if not member.outlet.send_media(frame_runs([(packet, len(packet), 1)], member.channel), 1, now):
            self._leave_out(member, 1, Drop.QUEUE_FULL)

    def send(self, runs: list[Run], packets: int, now: float) -> None:
        """Send a burst of `packets` packets to every member."""
        if not self._channels and not self._behind:
            return
        self._offered += packets
        full: list[Subscriber] = []
        for channel, members in self._channels.items():
            data = frame_runs(runs, channel)
            for member in members:
                if not member.outlet.send_media(data, packets, now):
                    full.append(member)
        if full or self._behind:
            self._serve_slow(full, runs, packets, now)

    # -- readers that had no room ---------------------------------------------------------------------------------

    def _serve_slow(self, full: list[Subscriber], runs: list[Run], packets: int, now: float) -> None:
        full = [each for each in full if not self._has_failed(each, packets)]
        if self._access_points is None:
            for member in full:
                self._leave_out(member, packets, Drop.QUEUE_FULL)
            return
        burst = SortedBurst(runs, self._access_points)
        cause = Drop.AWAITING_ACCESS_POINT if self._access_points.awaited else Drop.QUEUE_FULL
        for member in list(self._behind):
            self._serve_one(member, burst, cause, now)
        for member in full:
            self._part(member)
            self._behind.append(member)
            member.catching_up = CatchingUp(Episode(now))
            if member.watch is not None:
                member.watch.fell_behind(now)
            self._serve_one(member, burst, Drop.QUEUE_FULL, now)

    def _has_failed(self, member: Subscriber, packets: int) -> bool:
        """Tell whether its connection is about to be closed, and nothing need be done but to count."""
        error = member.outlet.error
        if error is not None:
            self._leave_out(
                member, packets, Drop.QUEUE_FULL if isinstance(error, TooSlowError) else Drop.CONNECTION_LOST
            )
        return error is not None

    def _serve_one(self, member: Subscriber, burst: SortedBurst, cause: Drop, now: float) -> None:
        assert member.catching_up is not None
        outlet, episode = member.outlet, member.catching_up.episode
        # A decoder that begins again with hardly any room would lose the next picture at once.
        part = 0.5 if self._access_points is not None and self._access_points.awaited else 1.0

        def has_room(following: list[bytes]) -> bool:
            return outlet.has_room(sum(map(len, following)) + 4 * len(following), part)

        begun, following = member.catching_up.choose(burst, has_room)
        sent = [*begun, *following]
        if sent and not outlet.finish_frame(_frames(sent, member.channel), len(sent), now):
            sent = []
        left_out = len(burst.packets) - len(sent)
        self._leave_out(member, left_out, cause)
        episode.packets += left_out
        episode.bytes += sum(map(len, burst.packets)) - sum(map(len, sent))
        if following and sent:
            self._end_catching_up(member)
            self._join(member)

    def _end_catching_up(self, member: Subscriber) -> None:
        assert member.catching_up is not None
        self._behind.remove(member)
        episode, member.catching_up = member.catching_up.episode, None
        if member.watch is not None:
            member.watch.caught_up(episode)

    def _leave_out(self, member: Subscriber, packets: int, cause: Drop) -> None:
        member.dropped += packets
        member.outlet.leave_out(packets, cause)


def _frames(packets: list[bytes], channel: int) -> bytes:
    return frame_runs(runs_of(packets, list(map(len, packets))), channel)
