"""The load's sessions: their handshakes are any client's, and no part of what is measured."""

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass

from router.bench.stream import CLOCK_RATE, PAYLOAD_TYPE
from router.remote import RemoteSession, bind_pair
from router.rtsp.client import ClientOptions, ClientSession, Offer, RemoteTrack, RtspError
from workers.fanout.syscalls import SO_RCVBUFFORCE

OPTIONS = ClientOptions("trunkline-bench", ask_options=False, fall_back=False)
_ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class LoadSession:
    """A session that records or plays. Its connection blocks; over UDP, RTP's socket is connected to the server.

    `unread` came on the connection before what it still gives.
    """

    client: ClientSession
    sock: socket.socket
    unread: bytes
    track: RemoteTrack
    server_host: str
    sockets: tuple[socket.socket, ...]

    @property
    def id(self) -> str:
        return self.client.id or ""

    def keep_alive(self) -> None:
        """Make a request, for a session whose media is not on the connection."""
        with contextlib.suppress(OSError, RtspError):
            self.client.receive(self.sock.recv(65_536, socket.MSG_DONTWAIT), time.monotonic())
        self.client.keep_alive(time.monotonic())
        self._send()

    def leave(self) -> None:
        """Tear the session down, without waiting for the answer."""
        self.client.teardown(time.monotonic())
        self._send()

    def wait(self, timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        """Wait until something comes."""
        self.sock.settimeout(timeout_s)
        with contextlib.suppress(OSError):
            self.sock.recv(65_536)

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.send(self.client.outgoing())


def publish(url: str, name: str, *, udp: bool, near: int) -> LoadSession:
    """Publish one synthetic track, as far as RECORD. Raises RtspError and OSError."""
    return asyncio.run(_publish(url, name, near if udp else None))


def play(url: str, *, udp: bool, near: int, receive_bytes: int) -> LoadSession:
    """Read the first track, as far as PLAY. Raises RtspError and OSError."""
    return asyncio.run(_play(url, near if udp else None, receive_bytes))


async def _publish(url: str, name: str, near: int | None) -> LoadSession:
    async with RemoteSession(url, OPTIONS) as remote:
        sockets = () if near is None else bind_pair(remote.local_host, near)
        recording = await remote.publish(describe_stream(name), [Offer(0, ports_of(sockets))])
        return _taken(remote, recording.tracks[0], sockets)


async def _play(url: str, near: int | None, receive_bytes: int) -> LoadSession:
    async with RemoteSession(url, OPTIONS) as remote:
        await remote.describe()
        sockets = () if near is None else bind_pair(remote.local_host, near)
        for each in sockets[:1]:
            _enlarge(each, receive_bytes)
        playing = await remote.play([Offer(0, ports_of(sockets))])
        return _taken(remote, playing.tracks[0], sockets)


def _taken(remote: RemoteSession, track: RemoteTrack, sockets: tuple[socket.socket, ...]) -> LoadSession:
    host = remote.host
    ports = track.transport.server_port
    if sockets and ports is not None:
        sockets[0].connect((host, ports[0]))  # packets from anywhere else don't count as delivered
    detached = remote.detach()
    detached.socket.setblocking(True)
    return LoadSession(detached.session, detached.socket, detached.unread, track, host, sockets)


def ports_of(sockets: tuple[socket.socket, ...]) -> tuple[int, int] | None:
    return (sockets[0].getsockname()[1], sockets[1].getsockname()[1]) if sockets else None


def _enlarge(sock: socket.socket, size: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def describe_stream(name: str) -> bytes:
    lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", f"s={name}", "c=IN IP4 0.0.0.0", "t=0 0",
             f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_RATE}",
             f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id=42C01E",
             "a=control:streamid=0")  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()
