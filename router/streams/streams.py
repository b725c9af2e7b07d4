"""All streams that programs have made for one server."""

import asyncio
from typing import Protocol

from router.fleet.placing import Placing
from router.rtsp.control import mount_path
from router.rtsp.errors import PeerError
from router.rtsp.sdp import SdpDocument
from router.rtsp.url import parse_url
from router.settings import Settings
from router.state.mounts import Mount, Source
from router.state.sessions import Session
from router.state.state import State
from router.streams.errors import PathTaken, StreamNotPlaced


def checked_path(path: str) -> str:
    """Give the path that a stream is known by.

    Raises:
        ValueError: no reader could ask for it.
    """
    try:
        url = parse_url(f"rtsp://server{path}")
    except PeerError:
        url = None
    if url is None or not path.startswith("/") or url.path != path or "#" in path or " " in path:
        raise ValueError(f"path is {path!r}, which no URL has: that begins with a slash, and has %20 for a space")
    return mount_path(url)


class Openable(Protocol):
    """A stream that is opened with its server."""

    @property
    def path(self) -> str | None:
        """Where readers find it by themselves."""

    @property
    def closed(self) -> bool:
        """Whether it has ended before that."""

    async def open(self) -> None:
        """Get a worker and ports."""


class Streams:
    """What streams need of their server, and which there are."""

    def __init__(self, state: State, placing: Placing) -> None:
        self.lifecycle = state.lifecycle
        self.placing = placing
        self._mounts = state.mounts
        self._sessions = state.sessions
        self._max_tracks = state.settings.limits.tracks
        self._waiting: list[Openable] = []
        self._started = False
        self.named = False
        """Whether there has been one with a path of its own."""

    def add(self, stream: Openable) -> None:
        """Take note of a new stream: one that is made before the server starts is opened with it."""
        self.named = self.named or stream.path is not None
        if not self._started:
            self._waiting.append(stream)

    async def open_all(self) -> None:
        """Open the streams that were made before the server had workers. Raises as `ServerStream.open` does."""
        self._started = True
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*(each.open() for each in waiting if not each.closed))

    def claim(self, source: Source, name: str, description: SdpDocument) -> Mount:
        """Take a path for a stream.

        Raises:
            PathTaken: somebody has it.
            StreamNotPlaced: a limit is reached.
        """
        taken = self._mounts.get(name)
        if taken is not None:
            holder = "a publisher" if taken.source is None else "another stream of this program"
            raise PathTaken(f"{name} is taken: {holder} has it; close that, or take another path")
        if len(description.medias) > self._max_tracks:
            raise StreamNotPlaced(f"{name} has {len(description.medias)} medias, limits.tracks {self._max_tracks}")
        try:
            mount = self._mounts.add(name, description, asyncio.get_running_loop().time())
        except PeerError as error:
            raise StreamNotPlaced(f"{name} can't be opened: {error.reason}") from error
        mount.source = source
        return mount

    def readers_of(self, mount: Mount | None) -> list[Session]:
        """Give the sessions of a mount's readers."""
        sessions = [self._sessions.get(each) for each in mount.readers] if mount is not None else []
        return [each for each in sessions if each is not None]


class StreamServer(Protocol):
    """A `Server` as its streams see it."""

    @property
    def settings(self) -> Settings:
        """Its settings, as they were given or by default."""

    @property
    def streams(self) -> Streams:
        """For `ServerStream`, which puts itself there."""

    @property
    def publish_url(self) -> str:
        """Where publishers connect to; known once started."""

    @property
    def client_url(self) -> str:
        """Where readers connect to; known once started."""

    async def close(self) -> None:
        """End every session in order, and let go of everything."""

    async def wait_closed(self) -> None:
        """Wait until it has ended."""
