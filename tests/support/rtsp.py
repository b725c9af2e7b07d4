"""A small synchronous RTSP client over a raw socket, so that a test may also send what no client should.

It shares no line with `router.rtsp.client` on purpose: what both get wrong would be seen by neither.
"""

import base64
import hashlib
import re
import secrets
import select
import socket
import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from tests.support.waiting import Deadline

REPLY_TIMEOUT_S = 10.0
"""Far above what any answer takes, even with both cores busy."""


class Closed(ConnectionError):
    """The router ended the connection before it said what was waited for."""


@dataclass(frozen=True)
class Reply:
    """One RTSP response."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get_all(self, name: str) -> list[str]:
        """Return the values of all headers of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the header's value, or None."""
        return next(iter(self.get_all(name)), None)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"no {name} in {self}"
        return value

    @property
    def session(self) -> str:
        """The session id without its parameters."""
        return self["Session"].split(";")[0].strip()

    @property
    def transport(self) -> dict[str, str]:
        """The parameters of the Transport header; the profile stands under ""."""
        profile, *parameters = self["Transport"].split(";")
        pairs = [each.partition("=") for each in parameters]
        return {"": profile} | {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}

    def ports(self, name: str) -> tuple[int, int]:
        """Return a pair such as `server_port` or `interleaved`."""
        low, _, high = self.transport[name].partition("-")
        return int(low), int(high)


Frame = tuple[int, bytes]


@dataclass(frozen=True)
class Credentials:
    """Who a client says it is. `scheme` is what it insists on: basic, digest-md5, digest-sha256, or "" for any."""

    username: str
    password: str
    scheme: str = ""


def resolve(url: str) -> tuple[str, int]:
    """Return host and port of an RTSP URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    return parts.hostname, parts.port or 554


def _split_challenge(value: str) -> tuple[str, dict[str, str]]:
    scheme, _, rest = value.partition(" ")
    pairs = re.findall(r'([A-Za-z0-9_-]+)=(?:"([^"]*)"|([^",\s]+))', rest)
    return scheme.lower(), {name.lower(): quoted or bare for name, quoted, bare in pairs}


def authorization(challenges: list[str], credentials: Credentials, method: str, url: str) -> str | None:
    """Answer the first challenge that the credentials' scheme fits; None when none does."""
    for challenge in challenges:
        scheme, fields = _split_challenge(challenge)
        algorithm = fields.get("algorithm", "MD5").lower().replace("sha-256", "sha256")
        name = scheme if scheme == "basic" else f"{scheme}-{algorithm}"
        if credentials.scheme not in ("", name):
            continue
        if scheme == "basic":
            pair = f"{credentials.username}:{credentials.password}".encode()
            return "Basic " + base64.b64encode(pair).decode()
        if scheme == "digest":
            return _digest(fields, algorithm, credentials, method, url)
    return None


def _digest(fields: dict[str, str], algorithm: str, credentials: Credentials, method: str, url: str) -> str:
    def hashed(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    realm, nonce = fields["realm"], fields["nonce"]
    ha1 = hashed(f"{credentials.username}:{realm}:{credentials.password}")
    ha2 = hashed(f"{method}:{url}")
    parts = f'username="{credentials.username}", realm="{realm}", nonce="{nonce}", uri="{url}"'
    if "algorithm" in fields:
        parts += f", algorithm={fields['algorithm']}"
    if "opaque" in fields:
        parts += f', opaque="{fields["opaque"]}"'
    if "auth" in fields.get("qop", ""):
        cnonce = secrets.token_hex(8)
        response = hashed(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")
        return f'Digest {parts}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}"'
    return f'Digest {parts}, response="{hashed(f"{ha1}:{nonce}:{ha2}")}"'


class RtspConnection:
    """One connection to a router: requests out, replies and interleaved frames in."""

    def __init__(
        self,
        url: str,
        *,
        source_host: str | None = None,
        credentials: Credentials | None = None,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        host, port = resolve(url)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            if receive_buffer_bytes is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
            if source_host is not None:
                self.socket.bind((source_host, 0))
            self.socket.settimeout(REPLY_TIMEOUT_S)
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local_host: str = self.socket.getsockname()[0]
        self.local_port: int = self.socket.getsockname()[1]
        self.credentials = credentials
        self.challenges: list[str] = []
        self.cseq = 0
        self.session: str | None = None
        self.closed = False
        self.frames: deque[Frame] = deque()
        self._replies: deque[Reply] = deque()
        self._unread = bytearray()

    # -- sending ------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def send_frame(self, channel: int, payload: bytes) -> None:
        """Send one interleaved frame."""
        self.send(struct.pack(">cBH", b"$", channel, len(payload)) + payload)

    def build(self, method: str, url: str, headers: Mapping[str, str | None] | None = None, body: bytes = b"") -> bytes:
        """Serialise a request with the next CSeq and the current session; a header of None is left out."""
        self.cseq += 1
        lines: dict[str, str | None] = {"CSeq": str(self.cseq)}
        if self.session is not None:
            lines["Session"] = self.session
        if self.challenges and self.credentials is not None:
            lines["Authorization"] = authorization(self.challenges, self.credentials, method, url)
        if body:
            lines["Content-Length"] = str(len(body))
        lines |= headers or {}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        return f"{method} {url} RTSP/1.0\r\n{text}\r\n".encode() + body

    def request(
        self, method: str, url: str, headers: Mapping[str, str | None] | None = None, body: bytes = b""
    ) -> Reply:
        """Send a request and return its reply; a challenge is answered once when there are credentials for it."""
        self.send(self.build(method, url, headers, body))
        reply = self.reply()
        if reply.status == 401 and self.credentials is not None:
            self.challenges = reply.get_all("WWW-Authenticate")
            if authorization(self.challenges, self.credentials, method, url) is not None:
                self.send(self.build(method, url, headers, body))
                reply = self.reply()
        if reply.get("Session") is not None and reply.status == 200:
            self.session = reply.session
        return reply

    def expect(
        self, status: int, method: str, url: str, headers: Mapping[str, str | None] | None = None, body: bytes = b""
    ) -> Reply:
        """Send a request whose reply must have this status and the request's CSeq."""
        reply = self.request(method, url, headers, body)
        assert reply.status == status, f"{method} {url}: {reply}"
        assert reply.get("CSeq") == str(self.cseq), f"{method} {url}: {reply}"
        return reply

    # -- receiving ----------------------------------------------------------------------------------------------

    def reply(self, timeout_s: float = REPLY_TIMEOUT_S) -> Reply:
        """Return the next reply; frames that come before it are kept in `frames`.

        Raises:
            Closed: if the connection ends first.
            AssertionError: if nothing comes in time.
        """
        deadline = Deadline(timeout_s)
        while not self._replies:
            if self.closed:
                raise Closed("the router closed the connection instead of replying")
            assert not deadline.passed, f"no reply within {timeout_s:g} s"
            self.pump(deadline.left_s)
        return self._replies.popleft()

    def pump(self, timeout_s: float = 0.0) -> None:
        """Take in what the router has sent, waiting up to `timeout_s` for the first byte."""
        if self.closed:
            return
        poll = select.poll()  # select() has no room for descriptors above 1,023
        poll.register(self.socket, select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            return
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
        self._unread += data
        self._split()

    def wait_closed(self, timeout_s: float = REPLY_TIMEOUT_S) -> list[Reply]:
        """Wait until the router ends the connection and return the replies that came before."""
        deadline = Deadline(timeout_s)
        while not self.closed:
            assert not deadline.passed, f"the connection is open after {timeout_s:g} s"
            self.pump(deadline.left_s)
        replies = list(self._replies)
        self._replies.clear()
        return replies

    def _split(self) -> None:
        data = self._unread
        while data:
            if data[0] == 0x24:
                if len(data) < 4:
                    return
                length = struct.unpack_from(">H", data, 2)[0]
                if len(data) < 4 + length:
                    return
                self.frames.append((data[1], bytes(data[4 : 4 + length])))
                del data[: 4 + length]
                continue
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(data[:end]).decode(errors="replace").split("\r\n")
            headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:]))
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            if len(data) < end + 4 + length:
                return
            version, status, *reason = head[0].split(" ", 2)
            assert version == "RTSP/1.0", f"the router sent {head[0]!r}"
            body = bytes(data[end + 4 : end + 4 + length])
            self._replies.append(Reply(int(status), reason[0] if reason else "", headers, body))
            del data[: end + 4 + length]

    # -- ending -------------------------------------------------------------------------------------------------

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish with a RST, as a crashed or unplugged client does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self.socket.close()

    def __enter__(self) -> "RtspConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
