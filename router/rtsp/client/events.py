"""What a client session tells its owner."""

from dataclasses import dataclass

from router.rtsp.headers.transport import Pair, TransportSpec
from router.rtsp.sdp import SdpDocument
from workers.framing import Frame


@dataclass(frozen=True, slots=True)
class Offer:
    """One track that is wanted or sent: its place in the description, and our UDP ports; None for TCP alone."""

    track: int
    ports: Pair | None = None


@dataclass(frozen=True, slots=True)
class RemoteTrack:
    """One track that was set up: its URL, how it travels, and where its packets begin, where the server says so."""

    index: int
    url: str
    transport: TransportSpec
    sequence: int | None = None
    rtp_time: int | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """There is something to read: `play` says which tracks are wanted."""

    document: SdpDocument


@dataclass(frozen=True, slots=True)
class TrackSetUp:
    """The server has accepted one track."""

    track: RemoteTrack


@dataclass(frozen=True, slots=True)
class PlayStarted:
    """Media flows to us, or will; also after a fall-back from UDP to TCP."""

    tracks: tuple[RemoteTrack, ...]


@dataclass(frozen=True, slots=True)
class RecordStarted:
    """The server waits for our media."""

    tracks: tuple[RemoteTrack, ...]


@dataclass(frozen=True, slots=True)
class Paused:
    """No media flows until `resume`."""


@dataclass(frozen=True, slots=True)
class TornDown:
    """The session is over, by our wish or by the server's."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Nothing more is read from this connection. The next one goes to `host` and `port`; `connected` goes on there."""

    host: str
    port: int


Event = Described | TrackSetUp | PlayStarted | RecordStarted | Paused | TornDown | Reconnect | Frame
"""A frame is interleaved media, as `workers.framing` splits it."""
