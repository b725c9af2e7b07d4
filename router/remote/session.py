"""The asyncio shell of a client's session: connects, reads, writes and waits; it decides nothing."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from router.rtsp.client import (
    ClientOptions,
    ClientSession,
    Described,
    Event,
    Offer,
    Paused,
    PlayStarted,
    Reconnect,
    RecordStarted,
    ServerGone,
    TornDown,
)
from router.rtsp.sdp import SdpDocument
from workers.framing import Frame, joined

_READ_BYTES = 65_536

Awaited = TypeVar("Awaited", Described, PlayStarted, RecordStarted, Paused, TornDown)


@dataclass(frozen=True, slots=True)
class Detached:
    """A connection that somebody else goes on with: `unread` came on it before anything that the socket still gives.

    `session` makes the requests of the connection on, for whoever passes its bytes.
    """

    socket: socket.socket
    unread: bytes
    session: ClientSession


class RemoteSession:
    """One session with one server. One coroutine at a time waits for the server; `send` may run beside it.

    All that waits raises `ServerError`. `close` is always due, but for a connection that was detached.

    Raises:
        LocalError: `url` is none that can be asked for.
    """

    def __init__(self, url: str, options: ClientOptions | None = None) -> None:
        self.session = ClientSession(url, secrets.token_hex(8), options)
        self._socket: socket.socket | None = None
        self._early: list[Frame] = []
        """Media that came before it was asked for."""
        self._writing = asyncio.Lock()

    @property
    def host(self) -> str:
        return str(self._connected.getpeername()[0])

    @property
    def local_host(self) -> str:
        return str(self._connected.getsockname()[0])

    async def connect(self) -> None:
        await self._connect(*self.session.address)

    async def describe(self) -> SdpDocument:
        self.session.describe(_now())
        return (await self._until(Described)).document

    async def play(self, offers: Sequence[Offer]) -> PlayStarted:
        self.session.play(offers, _now())
        return await self._until(PlayStarted)

    async def publish(self, description: bytes, offers: Sequence[Offer]) -> RecordStarted:
        """Publish these tracks of a description in SDP, as far as RECORD."""
        self.session.announce(description, offers, _now())
        return await self._until(RecordStarted)

    async def pause(self) -> None:
        """Let no media flow until `resume`."""
        self.session.pause(_now())
        await self._until(Paused)

    async def resume(self) -> PlayStarted:
        self.session.resume(_now())
        return await self._until(PlayStarted)

    async def teardown(self) -> None:
        """End the session in order, if there is one."""
        if self.session.id is not None:
            self.session.teardown(_now())
            await self._until(TornDown)

    async def run(self, on_frame: Callable[[int, bytes], None] = lambda channel, payload: None) -> None:
        """Keep the session alive until it is over; interleaved media goes to `on_frame`, channel first."""
        early, self._early = self._early, []
        events: list[Event] = [*early]
        while True:
            for event in events:
                if isinstance(event, TornDown):
                    return
                if isinstance(event, tuple):
                    on_frame(*event)
            events = await self._turn()

    async def send(self, data: bytes) -> None:
        """Send interleaved frames, whole ones."""
        try:
            await self._write(data)
        except OSError as error:
            raise ServerGone(503, "it closed the connection") from error

    def detach(self) -> Detached:
        """Give the connection away, as it is."""
        detached = Detached(self._connected, joined(self._early) + self.session.unread, self.session)
        self._socket, self._early = None, []
        return detached

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ServerGone(503, "there is no connection")
        return self._socket

    async def _connect(self, host: str, port: int) -> None:
        self.close()
        self._early.clear()
        timeout_s = self.session.options.answer_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                self._socket = await _first_connected(await _resolve(host, port))
        except TimeoutError as error:
            raise ServerGone(504, f"no answer within {timeout_s:g} s") from error
        except socket.gaierror as error:
            raise ServerGone(503, f"{host} has no address: {error.strerror}") from error
        except ConnectionRefusedError as error:
            raise ServerGone(503, "nobody listens there (connection refused)") from error
        except OSError as error:
            raise ServerGone(503, error.strerror or str(error)) from error
        self.session.connected(_now())

    async def _write(self, data: bytes) -> None:
        timeout_s = self.session.options.answer_timeout_s
        try:
            async with asyncio.timeout(timeout_s), self._writing:
                await asyncio.get_running_loop().sock_sendall(self._connected, data)
        except TimeoutError as error:
            raise ServerGone(504, f"it takes nothing for {timeout_s:g} s") from error

    async def _until(self, kind: type[Awaited]) -> Awaited:
        while True:
            found: Awaited | None = None
            for event in await self._turn():
                if isinstance(event, kind):
                    found = event
                elif isinstance(event, TornDown):
                    raise ServerGone(503, "it ended the session")
                elif isinstance(event, tuple) and kind is PlayStarted:  # else nobody reads them any more
                    self._early.append(event)
            if found is not None:
                return found

    async def _turn(self) -> list[Event]:
        """Send what is to be sent, wait, and give what came of it."""
        events = await self._exchange()
        if events and isinstance(events[-1], Reconnect):
            last = events.pop()
            assert isinstance(last, Reconnect)
            await self._connect(last.host, last.port)
        return events

    async def _exchange(self) -> list[Event]:
        session = self.session
        try:
            if data := session.outgoing():
                await self._write(data)
            due = session.next_time
            await _readable(self._connected, None if due is None else due - _now())
            data = self._connected.recv(_READ_BYTES)
        except TimeoutError:
            return session.tick(_now())
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        return session.receive(data, _now()) if data else session.ended()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _resolve(host: str, port: int) -> Sequence[tuple[object, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _first_connected(found: Sequence[tuple[object, ...]]) -> socket.socket:
    """Connect to the first address that takes it."""
    failure = OSError("no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)  # type: ignore[arg-type]  # as getaddrinfo gives them
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, address)  # type: ignore[arg-type]
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _readable(sock: socket.socket, timeout_s: float | None) -> None:
    """Wait until there is something to read; nothing is lost where this is cancelled."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ready.wait()
    finally:
        loop.remove_reader(sock)
