"""How a stream is carried: its mount, its worker, and the channel there; and how it goes on where a worker dies."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from router.link.placement import PlacementError, PlacementState
from router.link.worker import WorkerGone, WorkerRefused
from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.rtsp.sdp import SdpDocument
from router.state.mounts import Mount
from router.streams.errors import StreamClosed, StreamError, StreamNotOpen, StreamNotPlaced
from router.streams.pipe import ProgramPipe, open_pipe
from router.streams.streams import Streams
from workers.channel import ChannelBurst
from workers.contract.commands import AttachFeed

log = get_logger(__name__)

MEND_INTERVAL_S = 0.1
"""How soon a stream whose worker died looks for another: one is started anew within a second or so."""
MEND_INTERVAL_MOST_S = 5.0
"""How long it waits at most before it looks again: where nothing can take it, each look costs a line in the log."""


class StreamPublication:
    """The mount of one stream, from `open` to its end, and the channel to the worker that has it."""

    def __init__(
        self, stream_id: str, path: str | None, streams: Streams, on_burst: Callable[[ChannelBurst], None]
    ) -> None:
        self.id = stream_id
        self.name = path or f"stream:{stream_id}"
        """Its mount's path. Without one of its own no URL can name it, for those begin with a slash."""
        self.mount: Mount | None = None
        self.pipe: ProgramPipe | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The server's, in which all this happens; None before `open`."""
        self.missed = 0
        """Packets that came for the program before the worker of now, and that it was too slow for."""
        self._streams = streams
        self._on_burst = on_burst
        self._opening: asyncio.Future[None] | None = None
        self._mending: asyncio.Task[None] | None = None
        self._ended: str | None = None
        self._readers_changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        return self._ended is not None

    def check_ended(self) -> None:
        if self._ended is not None:
            raise StreamClosed(f"{self.name} was closed: {self._ended}")

    def check_open(self) -> None:
        """Raise StreamClosed or StreamNotOpen if it is not open."""
        self.check_ended()
        if self.mount is None or not self.mount.readable:
            raise StreamNotOpen(f"{self.name} is not open: await its open(), or start its server")

    # -- the beginning ---------------------------------------------------------------------------------------------

    async def open(self, description: SdpDocument) -> None:
        """Get a worker and ports; harmless if it has them. Raises as `ServerStream.open` does."""
        self.check_ended()
        self.loop = asyncio.get_running_loop()
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open(description))
            # Whoever waits for it may be cancelled, and then nobody hears how it ends.
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        opening = self._opening
        try:
            await asyncio.shield(opening)
        finally:
            failed = opening.done() and (opening.cancelled() or opening.exception() is not None)
            if failed and self._opening is opening:
                self._opening = None  # it may be tried again

    async def _open(self, description: SdpDocument) -> None:
        mount = self.mount = self._streams.claim(self, self.name, description)
        try:
            while self.pipe is None:
                await self._get_worker(mount)
                self.check_ended()
        except BaseException:
            self.mount, mount.source = None, None
            self._streams.lifecycle.close_mount(mount, "its stream could not be opened")
            raise
        log.info("stream opened", stream=self.id, mount=mount.path, worker=mount.placement.index)
        self._streams.lifecycle.stream_opened(mount, asyncio.get_running_loop().time())

    async def _get_worker(self, mount: Mount) -> None:
        """Get a worker if there is none, and a channel to it; where it dies meanwhile, neither.

        Raises:
            StreamNotPlaced: there is no worker, or none has the ports.
        """
        try:
            if mount.placement.state is PlacementState.UNPLACED:
                await self._streams.placing.place(mount)
            async with mount.placement.use() as worker:
                pipe = await open_pipe(
                    worker,
                    lambda token: AttachFeed(mount.path, mount.generation, self.id, token),
                    self._on_burst,
                    self._lost,
                )
        except PlacementError:
            return
        except PeerError as error:
            raise StreamNotPlaced(f"{self.name} can't be opened: {error.reason}") from error
        except (WorkerRefused, WorkerGone) as error:  # it has forgotten the mount, or died
            log.warning("worker does not take a stream", stream=self.id, mount=mount.path, reason=str(error))
            if mount.worker is worker:  # else it goes on elsewhere already
                mount.placement.unplace()
            return
        if mount.closed or mount.worker is not worker:
            pipe.close()
        else:
            self.pipe = pipe

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self, reason: str) -> None:
        """End it, and its mount: readers leave at once."""
        self.mount_closed(reason)
        if self.mount is not None:
            self._streams.lifecycle.close_mount(self.mount, reason)

    def mount_closed(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            if self._mending is not None:
                self._mending.cancel()
            self._drop_pipe()
            self._readers_changed.set()

    def _drop_pipe(self) -> None:
        pipe, self.pipe = self.pipe, None
        if pipe is not None:
            self.missed += pipe.missed
            pipe.close()

    # -- readers ---------------------------------------------------------------------------------------------------

    def readers_changed(self) -> None:
        self._readers_changed.set()

    async def wait_readers(self) -> None:
        """Wait until a reader begins to play or leaves; raise StreamClosed if it has ended."""
        self.check_ended()
        self._readers_changed.clear()
        await self._readers_changed.wait()
        self.check_ended()

    # -- a worker's death ------------------------------------------------------------------------------------------

    def worker_lost(self) -> None:
        """Take note that the mount has no worker any more: it gets another one, and the stream goes on."""
        self._lost()

    def _lost(self) -> None:
        """The channel has ended, mostly with its worker, of which the server hears soon."""
        self._drop_pipe()
        opened = self.mount is not None and self.mount.readable
        if opened and self._ended is None and self._mending is None:
            self._mending = asyncio.get_running_loop().create_task(self._mend())

    async def _mend(self) -> None:
        wait_s = MEND_INTERVAL_S
        try:
            while self.pipe is None and self._ended is None and self.mount is not None:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, MEND_INTERVAL_MOST_S)
                with suppress(StreamError, OSError):  # logged by `placing`; or no descriptors are left, for now
                    await self._get_worker(self.mount)
        finally:
            self._mending = None
        if self.pipe is not None and self.mount is not None:
            log.info("stream goes on", stream=self.id, mount=self.mount.path, worker=self.mount.placement.index)
