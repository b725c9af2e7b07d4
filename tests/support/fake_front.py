"""A front for one real worker process: says what it is told to say, and keeps what it hears."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import zmq

from tests.support.ports import PortSlice, udp_pair
from workers.contract.codec import Envelope, decode, encode
from workers.contract.commands import OpenMount, Play, Record, Welcome
from workers.contract.endpoints import Endpoints
from workers.contract.events import Hello
from workers.contract.messages import Message
from workers.contract.parts import Format, HandOff, Peer, TrackSpec, TrackTransport, UdpTransport
from workers.contract.replies import Done, MountOpened, Playing
from workers.contract.reports import ConnectionState, StateReport
from workers.shared.parcels import parcel

Kind = TypeVar("Kind")
ROOT = Path(__file__).parents[2]
TIMEOUT_S = 10.0


def welcome(ports: PortSlice) -> Welcome:
    """Make the settings of a worker that hears fast and forgets fast."""
    return settings(ports.media_start, ports.media_count)


def settings(port_start: int, port_count: int) -> Welcome:
    """Make such settings for these ports."""
    return Welcome(
        rtp_port_start=port_start,
        rtp_port_count=port_count,
        bind_host="",
        heartbeat_interval_s=0.2,
        orphan_timeout_s=5.0,
        stale_after_s=0.5,
        write_timeout_s=1.0,
        write_queue_bytes=1_000_000,
        life_sign_interval_s=0.2,
        batch_window_s=0.0,
        port_rest_s=1.0,
        max_line_bytes=8192,
        max_head_bytes=32768,
        max_body_bytes=65536,
    )


class FakeFront:
    """The front's two sockets, and one worker."""

    def __init__(self, runtime_dir: Path, settings: Welcome, incarnation: str = "front-1") -> None:
        self.incarnation = incarnation
        self.settings = settings
        self.worker = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.events: list[Message] = []
        self.runtime_dir = runtime_dir
        endpoints = Endpoints(runtime_dir)
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(endpoints.control)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.suppress(FileNotFoundError):
            endpoints.descriptors_path.unlink()
        self._listener.bind(str(endpoints.descriptors_path))
        self._listener.listen(8)
        self._descriptors: socket.socket | None = None
        self._heard: deque[Envelope] = deque()
        self._request = 0
        self._clients: list[socket.socket] = []
        self._sent_up: dict[str, list[socket.socket]] = {}
        self.snapshot: list[StateReport] = []
        """The report of the worker when it was taken on, in its parts."""

    def __enter__(self) -> "FakeFront":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
        for sock in self._clients:
            sock.close()
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()

    def die(self) -> None:
        """Close both sockets, as a front's end does."""
        self._context.destroy(0)
        for sock in (self._listener, self._descriptors):
            if sock is not None:
                sock.close()

    def launch(self, index: int = 0, stderr: int | None = None) -> None:
        """Start a worker process."""
        command = [sys.executable, "-m", "workers", "--index", str(index), "--runtime-dir", str(self.runtime_dir)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([*command, "--log-level", "warning"], env=environment, stderr=stderr, cwd=ROOT)

    def register(self, settings: Welcome | None = None) -> StateReport:
        """Wait for a worker and take it on."""
        if settings is not None:
            self.settings = settings
        self._listener.settimeout(TIMEOUT_S)
        if self._descriptors is not None:
            self._descriptors.close()
        self._descriptors, _ = self._listener.accept()
        self.worker = self._descriptors.recv(128).decode()
        self.await_event(Hello)
        self.snapshot = [each for each in self.ask_all(self.settings) if isinstance(each, StateReport)]
        return self.snapshot[-1]

    def states(self) -> dict[str, ConnectionState]:
        """Give what the worker told of connections when it was taken on."""
        return {each.name: each for part in self.snapshot for each in part.states}

    def receive_descriptors(self, token: str) -> list[socket.socket]:
        """Give the descriptors that the worker sent up with a token."""
        assert self._descriptors is not None
        self._descriptors.settimeout(TIMEOUT_S)
        while token not in self._sent_up:
            name, descriptors, _, _ = socket.recv_fds(self._descriptors, 128, 253)
            assert name, f"nothing came with {token}"
            self._sent_up[name.decode()] = [socket.socket(fileno=each) for each in descriptors]
            self._clients += self._sent_up[name.decode()]
        return self._sent_up[token]

    def take_descriptors(self, token: str, count: int) -> list[int]:
        """Give so many descriptors that the worker sent up with a token; they are the caller's to close."""
        assert self._descriptors is not None
        self._descriptors.settimeout(TIMEOUT_S)
        taken: list[int] = []
        while len(taken) < count:
            name, descriptors, _, _ = socket.recv_fds(self._descriptors, 128, 253)
            assert name.decode().rstrip("+") == token, name
            taken += descriptors
        return taken

    def pass_descriptors(self, token: str, descriptors: Sequence[int]) -> None:
        """Send duplicates of any descriptors ahead of the command that names them."""
        assert self._descriptors is not None
        for label, part in parcel(token, descriptors):
            socket.send_fds(self._descriptors, [label], part)

    # -- ZeroMQ ---------------------------------------------------------------------------------------------------

    def send_raw(self, *frames: bytes) -> None:
        """Send what need not be a message."""
        self._router.send_multipart([self.worker.encode(), *frames])

    def send(self, message: Message, request: int = 0, front: str | None = None) -> None:
        """Send a message."""
        self.send_raw(encode(Envelope(front or self.incarnation, self.worker, request, message)))

    def _receive(self, timeout_s: float) -> Envelope | None:
        if not self._router.poll(int(timeout_s * 1000)):
            return None
        _, frame = self._router.recv_multipart()
        return decode(frame)

    def ask_all(self, message: Message, request: int | None = None) -> list[Message]:
        """Send a command and give all parts of its reply."""
        if request is None:
            self._request += 1
            request = self._request
        self.send(message, request)
        parts: list[Message] = []
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            envelope = self._receive(0.1)
            if envelope is None:
                continue
            if envelope.request != request:
                self.events.append(envelope.message)
                continue
            parts.append(envelope.message)
            if not (isinstance(envelope.message, StateReport) and envelope.message.more):
                return parts
        raise AssertionError(f"no reply to {message!r:.200}")

    def ask(self, message: Message, request: int | None = None) -> Message:
        """Send a command and give its reply."""
        (reply,) = self.ask_all(message, request)
        return reply

    def await_event(self, kind: type[Kind], timeout_s: float = TIMEOUT_S) -> Kind:
        """Give the first event of a kind, and take it out of what was heard."""
        deadline = time.monotonic() + timeout_s
        while True:
            for index, event in enumerate(self.events):
                if isinstance(event, kind):
                    del self.events[index]
                    return event
            if time.monotonic() >= deadline:
                raise AssertionError(f"no {kind.__name__} within {timeout_s} s")
            envelope = self._receive(0.05)
            if envelope is not None:
                self.events.append(envelope.message)

    def listen(self) -> None:
        """Hear what has come, without waiting."""
        while (envelope := self._receive(0)) is not None:
            self.events.append(envelope.message)

    # -- descriptors ----------------------------------------------------------------------------------------------

    def send_descriptor(self, token: bytes, *socks: socket.socket) -> None:
        """Send duplicates of sockets ahead of the command that names them."""
        assert self._descriptors is not None
        socket.send_fds(self._descriptors, [token], [each.fileno() for each in socks])

    def connect_client(self, name: str, record: bytes = b"") -> tuple[socket.socket, HandOff]:
        """Make a TCP connection, and hand the server's end of it off."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        self.send_descriptor(name.encode(), ours)
        ours.close()
        client.settimeout(TIMEOUT_S)
        self._clients.append(client)
        return client, HandOff(name, Peer("127.0.0.1", client.getsockname()[1], "127.0.0.1"), record=record)

    def connect_by_pair(self, name: str, peer: Peer) -> tuple[socket.socket, HandOff]:
        """Hand off one end of a socket pair in the place of a TCP connection: the other end is the client's."""
        client, ours = socket.socketpair()
        self.send_descriptor(name.encode(), ours)
        ours.close()
        client.settimeout(TIMEOUT_S)
        self._clients.append(client)
        return client, HandOff(name, peer)

    def pair(self, host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
        """Make a client's two UDP sockets."""
        pair = udp_pair(host)
        self._clients += pair
        return pair

    # -- the usual commands -----------------------------------------------------------------------------------------

    def open_mount(self, path: str, tracks: int = 1, generation: int = 1) -> tuple[int, ...]:
        """Open a mount of payload type 96 and give its RTP ports."""
        spec = TrackSpec((Format(96, 90_000),))
        reply = self.ask(OpenMount(path, generation, (spec,) * tracks))
        assert isinstance(reply, MountOpened), reply
        return reply.rtp_ports

    def record(self, path: str, *transports: TrackTransport, session: str = "publisher") -> socket.socket:
        """Start a publisher and give its connection."""
        name = f"{session}-connection"
        client, handoff = self.connect_client(name)
        response = b"RTSP/1.0 200 OK\r\n\r\n"
        reply = self.ask(Record(path, 1, session, name, handoff, transports, response))
        assert isinstance(reply, Done), reply
        assert client.recv(65536) == response
        return client

    def play(self, path: str, session: str, *transports: TrackTransport) -> tuple[socket.socket, Playing]:
        """Start a reader and give its connection; the response has not been read from it."""
        name = f"{session}-connection"
        client, handoff = self.connect_client(name)
        urls = tuple(f"rtsp://h{path}/{each.track}" for each in transports)
        reply = self.ask(Play(path, 1, session, name, handoff, transports, b"RTSP/1.0 200 OK\r\n", urls))
        assert isinstance(reply, Playing), reply
        return client, reply


def udp(track: int, sockets: tuple[socket.socket, socket.socket], host: str = "127.0.0.1") -> TrackTransport:
    """Describe a track's UDP transport by a client's two sockets."""
    rtp, rtcp = (each.getsockname()[1] for each in sockets)
    return TrackTransport(track, UdpTransport(host, rtp, rtcp))


@contextlib.contextmanager
def one_worker(runtime_dir: Path, **changes: object) -> Iterator[FakeFront]:
    """Run a front with one registered worker."""
    with PortSlice.claim() as ports:
        settings = replace(welcome(ports), **changes)  # type: ignore[arg-type]  # checked where it is encoded
        with FakeFront(runtime_dir, settings) as front:
            front.launch()
            front.register()
            yield front
