"""A client of RTSP servers without I/O: what is asked, what is shown when challenged, and what answers mean."""

from router.rtsp.client.authenticator import ClientCredentials
from router.rtsp.client.errors import ServerBroken, ServerError, ServerGone, ServerRefused
from router.rtsp.client.events import (
    Described,
    Event,
    Offer,
    Paused,
    PlayStarted,
    Reconnect,
    RecordStarted,
    RemoteTrack,
    TornDown,
    TrackSetUp,
)
from router.rtsp.client.session import ClientOptions, ClientSession
from router.rtsp.errors import LocalError, RtspError

__all__ = [
    "ClientCredentials",
    "ClientOptions",
    "ClientSession",
    "Described",
    "Event",
    "LocalError",
    "Offer",
    "Paused",
    "PlayStarted",
    "Reconnect",
    "RecordStarted",
    "RemoteTrack",
    "RtspError",
    "ServerBroken",
    "ServerError",
    "ServerGone",
    "ServerRefused",
    "TornDown",
    "TrackSetUp",
]
