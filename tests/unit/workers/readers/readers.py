"""One track of a mount, and the context of one reader."""

from tests.support.worker_parts import Parts, rtp, sockets
from workers.contract.image import ReaderImage
from workers.contract.parts import Format, TrackSpec
from workers.readers.transport import ReaderContext
from workers.streams.track import make_tracks


class Scene:
    """A track that readers are made for."""

    def __init__(self, *, back_channel: bool = False) -> None:
        self.parts = Parts()
        self.fakes, pair = sockets(2)
        state = self.parts.track_state()
        state.spec = TrackSpec((Format(96, 90_000),), back_channel)
        (self.track,) = make_tracks([state], pair, self.parts.resources, replica=False)
        self.signs: list[float] = []
        self.state = ReaderImage("r")
        self.context = ReaderContext(self.state, "/cam", self.parts.resources, self.signs.append)

    def send(self, number: int) -> None:
        self.track.stream.deliver_packets([rtp(number)], 0.0)

    def got(self, port: int) -> list[bytes]:
        """Give what went to a UDP port."""
        return [packet for fake in self.fakes for packet, sent_to in fake.sent if sent_to == port]
