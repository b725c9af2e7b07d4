"""How a program hears the packets of a mount's sessions, and writes to single ones: one tap for each such mount."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from router.link.placement import NotArrived
from router.link.worker import Worker, WorkerError
from router.logs import get_logger
from router.state.mounts import Mount
from router.streams.callbacks import Callback, PacketCallbacks
from router.streams.errors import StreamFull
from router.streams.pipe import ProgramPipe, open_pipe
from router.streams.threads import call_in
from workers.channel import ChannelBurst, Kind, Run, encode
from workers.contract.commands import AttachTap

log = get_logger(__name__)

NAME = "program"
"""Of the tap, among those of its mount."""
MOST_EARLY_BYTES = 256 * 1024
"""Written while the channel is being opened, which takes a few milliseconds."""
MEND_INTERVAL_S = 0.25
"""How soon a tap whose worker died is looked after again."""


class MountTap:
    """The tap on one mount, from the first callback or packet on."""

    def __init__(self, mount: Mount, loop: asyncio.AbstractEventLoop) -> None:
        self._mount = mount
        self._loop = loop
        self._listeners: dict[str, PacketCallbacks] = {}
        self._pipe: ProgramPipe | None = None
        self._told: tuple[tuple[int, ...], bool] = ((), False)
        self._early: list[bytes] = []
        self._writes = False
        self._settling = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._missed = 0

    @property
    def missed(self) -> int:
        """Packets that the program was too slow for."""
        return self._missed + (self._pipe.missed if self._pipe is not None else 0)

    # -- hearing ---------------------------------------------------------------------------------------------------

    def listen(self, session: str, kind: Kind, track: int, callback: Callback) -> Callable[[], None]:
        """Call back with what a session sends; gives a function that ends that. Either may come from any thread."""
        remove = call_in(self._loop, lambda: self._add(session, kind, track, callback))

        def end() -> None:
            remove()
            self._settle_soon()

        return lambda: call_in(self._loop, end)

    def _add(self, session: str, kind: Kind, track: int, callback: Callback) -> Callable[[], None]:
        listeners = self._listeners.get(session)
        if listeners is None:
            clock_rates = [each.clock_rates for each in self._mount.description.medias]
            listeners = self._listeners[session] = PacketCallbacks(clock_rates)
        remove = listeners.add(kind, track, callback)
        self._settle_soon()
        return remove

    def _take(self, burst: ChannelBurst) -> None:
        session = burst.session or self._mount.publisher
        listeners = self._listeners.get(session)
        if listeners is not None:
            listeners.take(burst, session, self._loop.time())

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, session: str, kind: Kind, track: int, runs: list[Run]) -> None:
        """Send packets to one session alone.

        Raises:
            StreamFull: too much waits for the worker.
        """
        messages = encode(kind, track, runs, session=session)
        if not call_in(self._loop, lambda: self._send(messages)):
            raise StreamFull(f"too much waits for the worker of {self._mount.path}")

    def _send(self, messages: list[bytes]) -> bool:
        if self._pipe is not None:
            return self._pipe.send(messages)
        if sum(map(len, self._early)) > MOST_EARLY_BYTES:
            return False
        self._early += messages
        self._writes = True
        self._settle_soon()
        return True

    # -- the channel -----------------------------------------------------------------------------------------------

    def _wanted(self) -> tuple[tuple[int, ...], bool]:
        """Say which of the publisher's tracks are wanted, and whether what readers send is."""
        publisher = self._listeners.get(self._mount.publisher)
        tracks = tuple(sorted(publisher.tracks)) if publisher is not None else ()
        readers = any(len(each) for name, each in self._listeners.items() if name != self._mount.publisher)
        return tracks, readers

    def _settle_soon(self) -> None:
        if self._task is None and not self._mount.closed:
            self._task = self._loop.create_task(self._settle_all())

    async def _settle_all(self) -> None:
        try:
            settled = False
            while not settled:
                with suppress(NotArrived):
                    async with self._mount.placement.stay():
                        settled = await self.settle()
                if not settled:
                    await asyncio.sleep(MEND_INTERVAL_S)
        finally:
            self._task = None

    async def settle(self) -> bool:
        """Let the worker know what is wanted; False if it must be tried again. The mount must stay where it is."""
        mount = self._mount
        async with self._settling:
            while not mount.closed:
                wanted = self._wanted()
                if self._pipe is None and wanted == ((), False) and not self._writes:
                    break
                if self._pipe is not None and wanted == self._told:
                    break
                worker = mount.worker
                if worker is None:  # none yet, which RECORD sees to; or none for now
                    return not mount.readable
                try:
                    await self._tell(worker)
                except WorkerError as error:  # the mount may have lost it by now
                    log.warning("tap fails", mount=mount.path, worker=worker.index, reason=str(error))
                    return False
        if mount.closed:
            self.close()
        return True

    async def _tell(self, worker: Worker) -> None:
        if self._pipe is None:
            self._pipe = await open_pipe(worker, self._command, self._take, self._ended)
            early, self._early = self._early, []
            for message in early:
                self._pipe.send([message])
        else:
            await worker.ask(self._command(""))

    def _command(self, token: str) -> AttachTap:
        self._told = tracks, readers = self._wanted()
        return AttachTap(self._mount.path, self._mount.generation, NAME, token, tracks, readers)

    def _ended(self) -> None:
        if self._pipe is not None:
            self._missed += self._pipe.missed
            self._pipe = None
        self._settle_soon()

    # -- ends ------------------------------------------------------------------------------------------------------

    def forget(self, session: str) -> None:
        """Take note that a session ends: what it has sent is heard still."""
        if session in self._listeners:
            if self._pipe is not None:
                self._pipe.read_all()
            self._listeners.pop(session, None)
            self._settle_soon()

    def close(self) -> None:
        """Let go of the channel."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        if self._task is not None:
            self._task.cancel()
