"""A tap: a burst channel that gets what readers get, beside them, and may write to single sessions of the mount."""

import socket
from collections.abc import Callable, Sequence

from workers.channel import ChannelBurst, Kind
from workers.contract.image import TapImage
from workers.fanout.burst import Run
from workers.runtime.pipe import Pipe
from workers.runtime.resources import Resources
from workers.streams.track import Track


class Tap:
    """One tap of a mount. It never holds the mount up: what its other end is too slow for is dropped."""

    def __init__(
        self,
        sock: socket.socket,
        tracks: list[Track],
        resources: Resources,
        write_back: Callable[[ChannelBurst, float], None],
        on_end: Callable[[str], None],
        *,
        replica: bool = False,
    ) -> None:
        """With a `replica` at its other end, `write_back` gets what that one's readers send."""
        self._replica = replica
        self._tracks = tracks
        self.pipe = Pipe(sock, resources, write_back, on_end)

    def copy(self, wanted: Sequence[int], *, readers: bool) -> None:
        """Get the publisher's packets of these tracks from now on, and with `readers` what readers send on any."""
        for track in self._tracks:
            before = self in track.taps
            if (track.index in wanted) != before:
                track.taps.remove(self) if before else track.taps.append(self)
                if not before and track.reports.sender_report is not None:  # what the next packets' times mean
                    self.take_rtcp(track.index, track.reports.sender_report)
            if readers != (self in track.listeners):
                track.listeners.append(self) if readers else track.listeners.remove(self)

    def copy_all(self) -> None:
        """Get all that readers get from now on; a replica knows already what the next packets' times mean."""
        for track in self._tracks:
            track.taps.append(self)
            if self._replica:
                track.replicas.append(self)

    def take(self, track: int, runs: Sequence[Run], packets: int) -> None:
        """Get a burst of the publisher's."""
        self.pipe.send(Kind.RTP, track, runs, packets)

    def take_rtcp(self, track: int, packet: bytes) -> None:
        """Get the publisher's RTCP."""
        self.pipe.send(Kind.RTCP, track, ((packet, len(packet), 1),), 1)

    def hear_reader(self, kind: Kind, track: int, packet: bytes, session: str) -> None:
        """Get what a reader sent; or, at a replica, what a reader is to get."""
        self.pipe.send(kind, track, ((packet, len(packet), 1),), 1, session)

    def correct(self, track: int, session: str, is_rtcp: bool, address: bytes) -> None:
        """Tell a replica where a reader's packets are to go from now on."""
        self.hear_reader(Kind.ADDRESS, track, bytes([is_rtcp]) + address, session)

    def image(self, name: str) -> TapImage:
        """Say what it copies, and what waits, for another worker."""
        tracks = tuple(each.index for each in self._tracks if self in each.taps)
        readers = any(self in each.listeners for each in self._tracks)
        return TapImage(name, self.pipe.image(), tracks, readers, self._replica)

    def restore(self, image: TapImage) -> None:
        """Go on where another worker has stopped, at the next `resume`. What it has been told already it is not told
        again."""
        self.pipe.restore(image.pipe)
        if image.replica:
            self.copy_all()
            return
        for track in self._tracks:
            if track.index in image.tracks:
                track.taps.append(self)
            if image.readers:
                track.listeners.append(self)

    def close(self) -> None:
        """End it."""
        self.copy((), readers=False)
        for track in self._tracks if self._replica else ():
            track.replicas.remove(self)
        self.pipe.close()
