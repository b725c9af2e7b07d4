"""The program that the yardsticks run in: RTSP enough for the load to be the same, then a bare loop.

`python -m router.bench.yardstick floor|sendto WINDOW_MS` prints its URL; mounts have one track, over IPv4.
"""

import contextlib
import resource
import select
import socket
import sys
import time

from router.bench.bare_loops import BareMount, Batched, OneByOne, Way
from router.remote import bind_pair
from router.rtsp.headers.transport import parse_transports
from router.rtsp.message import MessageLimits, Request, Response, parse_request
from workers.fanout.syscalls import SO_RCVBUFFORCE, SO_SNDBUFFORCE
from workers.framing import FramingLimits, Splitter

_BUFFER_BYTES = 4 * 1024 * 1024
_HOST = "127.0.0.1"


class YardstickConnection:
    """One RTSP connection, of a publisher or of a reader."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.splitter = Splitter(FramingLimits())
        self.mount: BareMount | None = None
        self.publishes = False
        self.target: tuple[str, int] | None = None
        """Where a reader gets its packets over UDP."""


class YardstickServer:
    """Answers RTSP and moves media in one loop."""

    def __init__(self, way: Way, window_s: float) -> None:
        self._way = way
        self._window_s = window_s
        self._mounts: dict[str, tuple[bytes, BareMount]] = {}
        self._media: dict[int, BareMount] = {}
        self._connections: dict[int, YardstickConnection] = {}
        self._rtcp: list[socket.socket] = []
        self._epoll = select.epoll()
        self.listener = socket.create_server((_HOST, 0), backlog=4096)
        self._epoll.register(self.listener.fileno(), select.EPOLLIN)

    def run(self) -> None:
        media, connections, poll, serve = self._media, self._connections, self._epoll.poll, self._way.serve
        while True:
            events = poll(-1, 4096)
            if self._window_s and any(fd in media for fd, _ in events):
                time.sleep(self._window_s)
                events = poll(0, 4096)
            for fd, _ in events:
                mount = media.get(fd)
                if mount is not None:
                    serve(mount)
                elif fd in connections:
                    self._read(connections[fd])
                else:
                    self._accept()

    def _accept(self) -> None:
        sock, _ = self.listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[sock.fileno()] = YardstickConnection(sock)
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _read(self, connection: YardstickConnection) -> None:
        try:
            data = connection.sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        packets = []
        for item in connection.splitter.feed(data):
            if isinstance(item, bytes):
                connection.sock.sendall(self._answer(connection, item))
            elif isinstance(item, tuple) and item[0] == 0:
                packets.append(item[1])
        if packets and connection.mount is not None and connection.publishes:
            self._way.serve_frames(connection.mount, packets, 0)

    def _close(self, connection: YardstickConnection) -> None:
        self._epoll.unregister(connection.sock.fileno())
        del self._connections[connection.sock.fileno()]
        mount = connection.mount
        if mount is not None and connection.publishes and mount.sock is not None:
            self._epoll.unregister(mount.sock.fileno())
            del self._media[mount.sock.fileno()]
            mount.sock.close()
        elif mount is not None:
            with contextlib.suppress(ValueError):
                mount.connections.remove(connection.sock)
            with contextlib.suppress(ValueError):
                mount.addresses.remove(connection.target or ("", 0))
        connection.sock.close()

    def _answer(self, connection: YardstickConnection, message: bytes) -> bytes:
        request = parse_request(message, MessageLimits())
        path = request.url.removesuffix("/streamid=0").removesuffix("/")
        headers = [("CSeq", request.cseq), ("Session", "1")]
        body = b""
        match request.method:
            case "ANNOUNCE":
                connection.publishes = True
                connection.mount = BareMount(None)
                self._mounts[path] = (request.body, connection.mount)
            case "DESCRIBE":
                body, connection.mount = self._mounts[path]
                headers.append(("Content-Base", f"{path}/"))
            case "SETUP":
                headers.append(("Transport", self._set_up(connection, request)))
            case "PLAY":
                assert connection.mount is not None
                if connection.target is not None:
                    connection.mount.addresses.append(connection.target)
                else:
                    connection.mount.connections.append(connection.sock)
        return Response(200, tuple(headers), body).to_bytes()

    def _set_up(self, connection: YardstickConnection, request: Request) -> str:
        mount = connection.mount
        assert mount is not None
        wanted = (request.headers.get("Transport") or "").removesuffix(";mode=record")
        ports = parse_transports(wanted)[0].client_port
        if connection.publishes and ports is not None:
            mount.sock, rtcp = bind_pair(_HOST, 4096 + 3 * len(self._media))
            self._rtcp.append(rtcp)
            mount.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _BUFFER_BYTES)
            mount.sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, _BUFFER_BYTES)
            self._media[mount.sock.fileno()] = mount
            self._epoll.register(mount.sock.fileno(), select.EPOLLIN)
        if ports is None or mount.sock is None:
            return wanted
        if not connection.publishes:
            connection.target = (connection.sock.getpeername()[0], ports[0])
        port = mount.sock.getsockname()[1]
        return f"{wanted};server_port={port}-{port + 1}"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    name, window_ms = sys.argv[1:]
    way: Way = Batched() if name == "floor" else OneByOne()
    server = YardstickServer(way, float(window_ms) / 1000)
    print(f"rtsp://{_HOST}:{server.listener.getsockname()[1]}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
