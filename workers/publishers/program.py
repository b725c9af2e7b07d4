"""A program that publishes a mount: its bursts come through a burst channel, ready for the fan-out. So do the owner's
at a replica."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workers.channel import ChannelBurst, Kind, announces, is_rtp, stamps
from workers.contract.image import FeedImage, SenderImage
from workers.fanout.burst import PacketBurst, packets_of, single
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.runtime.pipe import Pipe
from workers.runtime.resources import Resources
from workers.streams.link import NO_PUBLISHER
from workers.streams.report_timer import ReportTimer
from workers.streams.sender import Sender
from workers.streams.track import MountTrack


@dataclass(frozen=True, slots=True)
class ChannelEvents:
    """What a burst channel tells its mount."""

    on_session_burst: Callable[[ChannelBurst, float], None]
    """Packets came for, or of, one session alone."""
    on_end: Callable[[str], None]
    """The other end is gone, for this reason."""


class ProgramPublisher:
    """A mount's publisher at the other end of a channel, until it is replaced or the mount ends."""

    def __init__(
        self,
        state: FeedImage,
        sock: socket.socket,
        tracks: Sequence[MountTrack],
        resources: Resources,
        events: ChannelEvents,
    ) -> None:
        """Take what comes through the socket as media, from the first `resume` on."""
        self.state = state
        self._resources = resources
        self._on_session_burst = events.on_session_burst
        self.pipe = Pipe(sock, state.pipe, resources, self._take, events.on_end)
        self._tracks = [ProgramTrack(each, state, resources) for each in tracks]
        for each in self._tracks:
            each.track.stream.link = ProgramLink(self.pipe, each.track.index)

    @property
    def timers(self) -> list[ReportTimer]:
        """When its tracks' sender reports are due."""
        return [each.timer for each in self._tracks if each.timer is not None]

    def end(self) -> None:
        """Let go of the channel; what is known of the stream stays."""
        self.pipe.close()
        for each in self._tracks:
            each.stop()
            each.track.stream.link = NO_PUBLISHER

    def stop(self) -> None:
        """Take nothing from it any more, and know nothing of it."""
        self.end()
        for each in self._tracks:
            each.track.stream.forget_publisher()

    def _take(self, burst: ChannelBurst, now: float) -> None:
        if burst.track >= len(self._tracks):
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
        elif burst.session:
            self._on_session_burst(burst, now)
        elif burst.kind is Kind.RTP:
            self._tracks[burst.track].take(burst, now)
        elif burst.kind is Kind.RTCP:
            self._tracks[burst.track].take_rtcp(burst, now)
        else:
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)


class ProgramLink:
    """The way back goes through the channel, and says whose packet it is."""

    def __init__(self, pipe: Pipe, track: int) -> None:
        self._pipe = pipe
        self._track = track

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        self._pipe.send(kind, self._track, single(packet).runs, 1, session)
        return True

    def on_rtcp(self, now: float) -> None:
        """The channel says more."""


class ProgramTrack:
    """One track of it, with sender reports until the program makes them itself."""

    def __init__(self, track: MountTrack, feed: FeedImage, resources: Resources) -> None:
        self.track = track
        self._feed = feed
        self._counters = resources.counters
        self._sender: Sender | None = None
        self.timer: ReportTimer | None = None
        state = feed.senders[track.index]
        if state is not None:
            self._sender = Sender(state)
            self.timer = ReportTimer(state, resources.loop, self._report)

    def take(self, burst: ChannelBurst, now: float) -> None:
        """Deliver RTP. The program has looked at each packet: here a burst is right or wrong as a whole."""
        stream, runs = self.track.stream, burst.runs
        for run in runs:
            if not is_rtp(run):
                self._counters.drop(Drop.NOT_RTP, burst.packets)
                return
            if not announces(run, stream.announced):
                self._counters.drop(Drop.PAYLOAD_TYPE, burst.packets)
                return
        media = PacketBurst(runs, burst.packets, burst.size, *stamps(runs))
        stream.deliver(media, now)
        sender = self._sender
        if sender is not None and sender.observe(media, stream.clock_rate_of(media.last_header), burst.ntp, now):
            self._report(now)

    def take_rtcp(self, burst: ChannelBurst, now: float) -> None:
        """Deliver RTCP; with the first sender report it is the program that makes them."""
        for packet in (each for run in burst.runs for each in packets_of(run)):
            parts = rtcp.split(packet) or []
            if any(part.kind == rtcp.SENDER_REPORT for part in parts):
                self.stop()
            self.track.stream.deliver_rtcp(packet, now)

    def _report(self, now: float) -> None:
        """Send a report, the first one right behind the first packets: who reads from there on is in sync at once."""
        stream = self.track.stream
        if self._sender is None or self.timer is None:
            return
        self.timer.set(now + stream.reports.next_interval_s())
        report = self._sender.report(now)
        if report is not None:
            stream.reports.sender_report = report
            stream.outputs[Kind.RTCP].send(single(report), now)

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.stop()
        self._sender = self.timer = None
        self._feed.senders[self.track.index] = None


def new_feed(session: str, tracks: Sequence[MountTrack]) -> FeedImage:
    """Begin to take a program's media, which reports by its session's name."""
    senders: list[SenderImage | None] = [SenderImage(session) for _ in tracks]
    return FeedImage(session, senders=senders)
