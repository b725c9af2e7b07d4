"""A program that publishes a mount: its bursts come through a burst channel, ready for the fan-out."""

import socket
from collections.abc import Callable

from workers.channel import ChannelBurst, Kind, announces, is_rtp, stamps
from workers.contract.image import FeedImage, SenderImage
from workers.fanout.burst import packets_of
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.runtime.loop import Timer
from workers.runtime.pipe import Pipe
from workers.runtime.resources import Resources
from workers.streams.sender import Sender
from workers.streams.track import Track


class Feed:
    """A mount's publisher that is a program, until it is replaced or the mount ends."""

    def __init__(
        self,
        session: str,
        tracks: list[Track],
        sock: socket.socket,
        resources: Resources,
        write_back: Callable[[ChannelBurst, float], None],
        on_end: Callable[[str], None],
    ) -> None:
        """Take what comes through the socket as media once it is thawed; `write_back` takes what is for one session."""
        self.session = session
        self._resources = resources
        self._write_back = write_back
        self._tracks = [_FeedTrack(each, session, resources) for each in tracks]

        self.pipe = Pipe(sock, resources, self._take, on_end)
        for each in self._tracks:
            each.track.feed = self.pipe

    def end(self) -> None:
        """Let go of the channel; what is known of the stream stays."""
        self.pipe.close()
        for each in self._tracks:
            each.stop()
            each.track.feed = None

    def stop(self) -> None:
        """Take nothing from it any more, and know nothing of it."""
        self.end()
        for each in self._tracks:
            each.track.forget_publisher()

    # -- a move to another worker -----------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Read and say nothing, until `resume` or `detach`."""
        self.pipe.suspend()
        for each in self._tracks:
            each.suspend()

    def resume(self) -> None:
        """Go on, or begin."""
        self.pipe.resume()
        for each in self._tracks:
            each.resume()

    def image(self) -> FeedImage:
        """Say all that is known, for another worker."""
        return FeedImage(self.session, self.pipe.image(), tuple(each.image() for each in self._tracks))

    def restore(self, image: FeedImage) -> None:
        """Go on where another worker has stopped, at the next `resume`."""
        self.pipe.restore(image.pipe)
        for each, told in zip(self._tracks, image.senders, strict=True):
            each.restore(told)

    # -- what comes -------------------------------------------------------------------------------------------------

    def _take(self, burst: ChannelBurst, now: float) -> None:
        if burst.track >= len(self._tracks):
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
        elif burst.session:
            self._write_back(burst, now)
        elif burst.kind is Kind.RTP:
            self._tracks[burst.track].take(burst, now)
        elif burst.kind is Kind.RTCP:
            self._tracks[burst.track].take_rtcp(burst, now)
        else:
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)


class _FeedTrack:
    """One track of it."""

    def __init__(self, track: Track, cname: str, resources: Resources) -> None:
        self.track = track
        self._resources = resources
        self._sender: Sender | None = Sender(cname)
        self._timer: Timer | None = None
        self._report_at: float | None = None

    def suspend(self) -> None:
        self._report_at = None if self._timer is None else self._timer.when
        self.stop()

    def resume(self) -> None:
        if self._report_at is not None:
            self._timer = self._resources.loop.call_at(self._report_at, self._report)
            self._report_at = None

    def image(self) -> SenderImage | None:
        return None if self._sender is None else self._sender.image(self._report_at)

    def restore(self, image: SenderImage | None) -> None:
        if image is None:
            self._sender = None
        elif self._sender is not None:
            self._sender.restore(image)
            self._report_at = image.report_at

    def take(self, burst: ChannelBurst, now: float) -> None:
        """Deliver RTP. The program has looked at each packet: here a burst is right or wrong as a whole."""
        track, runs = self.track, burst.runs
        for run in runs:
            if not is_rtp(run):
                self._resources.counters.drop(Drop.NOT_RTP, burst.packets)
                return
            if not announces(run, track.announced):
                self._resources.counters.drop(Drop.PAYLOAD_TYPE, burst.packets)
                return
        packets, size, seen = burst.packets, burst.size, stamps(runs)
        track.deliver(list(runs), packets, size, seen, now)
        sender = self._sender
        if sender is not None and sender.observe(seen[2], packets, size, track.clock_rate_of(seen[2]), burst.ntp, now):
            self._report(now)

    def take_rtcp(self, burst: ChannelBurst, now: float) -> None:
        """Deliver RTCP; with the first sender report it is the program that makes them."""
        for packet in (each for run in burst.runs for each in packets_of(run)):
            parts = rtcp.split(packet) or []
            if any(part.kind == rtcp.SENDER_REPORT for part in parts):
                self.stop()
                self._sender = None
            self.track.deliver_rtcp(packet, now)

    def _report(self, now: float) -> None:
        """Send a report, the first one right behind the first packets: who reads from there on is in sync at once."""
        self.stop()
        self._timer = self._resources.loop.call_at(now + self.track.reports.next_interval_s(), self._report)
        report = self._sender.report(now) if self._sender is not None else None
        if report is not None:
            self.track.reports.sender_report = report
            self.track.spread_rtcp(report, now)

    def stop(self) -> None:
        """Send no more reports."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
