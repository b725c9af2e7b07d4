"""`FileStream`: a file as a stream of a server, from the first reader to the last or all the time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from router.files.ahead import read_ahead
from router.files.errors import FileError, PyAVMissing
from router.files.pace import Numbers, Pace
from router.logs import get_logger
from router.streams.errors import StreamClosed, StreamFull
from router.streams.stream import ServerStream
from router.streams.streams import StreamServer

if TYPE_CHECKING:
    from router.files.playback import FramePackets, Playback

log = get_logger(__name__)


class FileStream(ServerStream):
    """A stream of any file that FFmpeg reads, sent as it is, at the pace of its timestamps.

    It is opened and closed as every `ServerStream` is. With `on_demand` it plays from its beginning when the first
    reader does, waits while all of them pause, and stops when the last one leaves; else from the opening on. At the
    file's end its readers leave; with `loop` it begins anew instead, without a jump of timestamps or sequence numbers.
    A thread of its own reads the file.
    """

    def __init__(
        self,
        server: StreamServer,
        file: str | Path,
        path: str | None = None,
        *,
        loop: bool = False,
        on_demand: bool = True,
    ) -> None:
        """Open the file and describe it; a file that can't be sent is found here.

        Raises:
            PyAVMissing: PyAV isn't installed; the extra `trunkline[file]` brings it.
            FileUnreadable: the file isn't there, may not be read, or is no media.
            UnsupportedCodec: a video or audio stream of it can't be sent as it is.
            ValueError: the path is none that a URL can have.
        """
        try:
            from router.files.playback import Playback
        except ImportError as error:
            raise PyAVMissing from error
        self.file = Path(file)
        self._loop = loop
        self._on_demand = on_demand
        self._playback: Playback = Playback(self.file)
        self._reader = ThreadPoolExecutor(1, f"file {self.file.name}")
        self._player: asyncio.Task[None] | None = None
        self._pace: Pace | None = None
        """Of all that it plays: a reader's clock must not jump because others had left for a while."""
        self._numbers = [Numbers(each.formats[0].clock_rate) for each in self._playback.description.medias]
        super().__init__(server, self._playback.description, path)

    async def open(self) -> None:
        """Get a worker and ports, and play. Raises as `ServerStream.open` does."""
        await super().open()
        if self._player is None:
            self._player = asyncio.get_running_loop().create_task(self._play())

    def close(self) -> None:
        """End the stream: its readers leave at once. Harmless if it has ended."""
        super().close()
        if self._player is None:
            self._playback.close()

    async def _play(self) -> None:
        try:
            while True:
                await self._wait_wanted()
                ended = await self._play_once()
                if ended and not self._on_demand:
                    self.close()
                    return
                if ended:
                    self.close_readers(f"{self.file.name} has ended")
        except StreamClosed:
            pass
        except FileError as error:
            log.error("file can't be played", stream=self.id, mount=self.path, error=str(error))
            self.close()
        except Exception:  # whatever FFmpeg or its packets bring about: readers are not to wait for nothing
            log.error("file can't be played", stream=self.id, mount=self.path, exc_info=True)
            self.close()
        finally:
            self._reader.submit(self._playback.close)
            self._reader.shutdown(wait=False)

    async def _play_once(self) -> bool:
        """Play from the beginning; False where nobody wants it any more before the end."""
        from router.files.playback import in_due_order

        ahead = read_ahead(self._reader, in_due_order(self._playback.bursts(loop=self._loop)))
        rested = True
        async with aclosing(ahead):
            async for burst in ahead:
                pace = await self._wait_due(burst, rested=rested)
                if pace is None:
                    return False
                rested = False
                await self._send_burst(burst, pace)
            return True

    def _paced(self, burst: FramePackets, rested: bool) -> Pace:
        now = time.monotonic()
        if self._pace is None:
            self._pace = Pace(burst.due, now, time.time())
        elif rested:
            self._pace.go_on(burst.due, now)
        return self._pace

    async def _wait_due(self, burst: FramePackets, *, rested: bool) -> Pace | None:
        """Wait until a burst is due; None where nobody wants it any more.

        Whoever leaves or comes meanwhile counts at once, and so does the stream's end: pictures may be minutes apart.
        """
        while True:
            if self._on_demand and not self.playing:
                if not await self._wait_wanted(once_begun=True):
                    return None
                rested = True
            pace = self._paced(burst, rested)
            rested = False
            wait_s = pace.wait_s(burst.due, time.monotonic())
            if wait_s <= 0:
                return pace
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.readers_changed()

    async def _send_burst(self, burst: FramePackets, pace: Pace) -> None:
        packets = self._numbers[burst.media].stamped(burst.packets, pace)
        try:
            self.write_packets_rtp(burst.media, packets, ntp=pace.ntp(burst.time))
        except StreamFull:
            log.warning("packets dropped: the worker takes too few", stream=self.id, packets=len(packets))
            await self.drain()

    async def _wait_wanted(self, *, once_begun: bool = False) -> bool:
        """Wait until a reader plays; once the file has begun, False when none is left to go on."""
        while self._on_demand and not self.playing:
            if once_begun and not self.stats().readers:
                return False
            await self.readers_changed()
        return True
