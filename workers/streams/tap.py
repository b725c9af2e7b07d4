"""A tap: a burst channel that gets what readers get, beside them, and may write to single sessions of the mount."""

from collections.abc import Sequence

from workers.channel import Kind
from workers.contract.image import TapImage
from workers.fanout.burst import PacketBurst, single
from workers.runtime.pipe import Pipe
from workers.streams.track import MountTrack


class TapSink:
    """One way of one track into a tap's channel."""

    def __init__(self, pipe: Pipe, kind: Kind, track: int) -> None:
        self._pipe = pipe
        self._kind = kind
        self._track = track

    def send(self, burst: PacketBurst, now: float) -> None:
        """Copy what readers get."""
        self._pipe.send(self._kind, self._track, burst.runs, burst.packets)

    def send_for(self, kind: Kind, packet: bytes, session: str) -> None:
        """Pass on what a reader sent; or, to a replica, what a reader is to get."""
        self._pipe.send(kind, self._track, single(packet).runs, 1, session)


class BurstTap:
    """One tap of a mount. It never holds the mount up: what its other end is too slow for is dropped."""

    def __init__(self, state: TapImage, pipe: Pipe, tracks: Sequence[MountTrack]) -> None:
        self.state = state
        self.pipe = pipe
        self._tracks = tracks
        self._sinks = [(TapSink(pipe, Kind.RTP, each.index), TapSink(pipe, Kind.RTCP, each.index)) for each in tracks]
        for track, sinks in zip(tracks, self._sinks, strict=True):
            if track.index in state.tracks:
                self._join(track, sinks)
            if state.readers:
                track.feedback.listeners.append(sinks[Kind.RTP])
            if state.replica:
                track.replicas.append(sinks[Kind.RTP])

    def _join(self, track: MountTrack, sinks: tuple[TapSink, TapSink]) -> None:
        for outputs, sink in zip(track.stream.outputs, sinks, strict=True):
            outputs.add_copy(sink)

    def copy(self, wanted: Sequence[int], *, readers: bool, now: float) -> None:
        """Get the publisher's packets of these tracks from now on, and with `readers` what readers send on any."""
        state = self.state
        for track, sinks in zip(self._tracks, self._sinks, strict=True):
            if track.index in wanted and track.index not in state.tracks:
                self._join(track, sinks)
                report = track.stream.reports.sender_report
                if report is not None:  # what the next packets' times mean
                    sinks[Kind.RTCP].send(single(report), now)
            elif track.index in state.tracks and track.index not in wanted:
                for outputs, sink in zip(track.stream.outputs, sinks, strict=True):
                    outputs.remove_copy(sink)
            if readers and not state.readers:
                track.feedback.listeners.append(sinks[Kind.RTP])
            elif state.readers and not readers:
                track.feedback.listeners.remove(sinks[Kind.RTP])
        state.tracks, state.readers = tuple(wanted), readers

    def close(self, now: float) -> None:
        self.copy((), readers=False, now=now)
        for track, sinks in zip(self._tracks, self._sinks, strict=True):
            if self.state.replica:
                track.replicas.remove(sinks[Kind.RTP])
        self.pipe.close()
