"""A plain RTSP client for the load: one request after the other, waiting for each answer."""

import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from router.bench.stream import CLOCK_RATE, PAYLOAD_TYPE
from workers.framing import Broken, Frame, FramingLimits, Splitter

TIMEOUT_S = 10.0
_FIRST_PAIR, _LAST_PAIR = 32_768, 60_998


class RtspFailureError(Exception):
    """The server refused, or did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def transport(self, name: str) -> tuple[int, int] | None:
        """Give a pair of numbers from the Transport header."""
        for part in self.headers.get("transport", "").split(";"):
            key, _, value = part.strip().partition("=")
            first, _, last = value.partition("-")
            if key == name and first.isdecimal():
                return int(first), int(last) if last.isdecimal() else int(first) + 1
        return None


def parse_answer(message: bytes) -> Answer:
    """Read a response. Raises RtspFailureError."""
    head, _, body = message.partition(b"\r\n\r\n")
    first, *lines = head.decode(errors="replace").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("RTSP/") or not words[1].isdecimal():
        raise RtspFailureError(f"an answer that begins with {first!r}")
    pairs = (line.partition(":") for line in lines)
    return Answer(int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, body)


@dataclass(slots=True)
class Client:
    """One connection. Raises RtspFailureError from whatever is refused."""

    url: str
    sock: socket.socket = field(init=False)
    frames: list[Frame] = field(default_factory=list)
    """Interleaved frames that came between answers."""
    session: str | None = None
    _splitter: Splitter = field(default_factory=lambda: Splitter(FramingLimits()))
    _cseq: int = 0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            self.sock = socket.create_connection((parts.hostname or "", parts.port or 554), TIMEOUT_S)
        except OSError as error:
            raise RtspFailureError(f"{self.url}: {error}") from error
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def unread(self) -> bytes:
        """What came after the last whole message or frame."""
        return self._splitter.unread

    @property
    def server_host(self) -> str:
        """The server's address."""
        return str(self.sock.getpeername()[0])

    @property
    def local_host(self) -> str:
        """Our address on this connection."""
        return str(self.sock.getsockname()[0])

    def request(self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """Ask, and give the answer if it is 200."""
        self._cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._cseq}", "User-Agent: trunkline-bench"]
        if self.session is not None:
            lines.append(f"Session: {self.session}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        try:
            self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            answer = self._answer()
        except OSError as error:
            raise RtspFailureError(f"{method} {url}: {error}") from error
        if answer.status != 200:
            raise RtspFailureError(f"{method} {url}: answered {answer.status}")
        if "session" in answer.headers:
            self.session = answer.headers["session"].partition(";")[0].strip()
        return answer

    def _answer(self) -> Answer:
        answer = None
        while answer is None:
            data = self.sock.recv(65_536)
            if not data:
                raise RtspFailureError("the server ended the connection")
            for item in self._splitter.feed(data):
                if isinstance(item, Broken):
                    raise RtspFailureError(f"an answer that is no RTSP: {item.reason}")
                if isinstance(item, tuple):
                    self.frames.append(item)
                elif item.startswith(b"RTSP/") and answer is None:
                    answer = parse_answer(item)
        return answer


def describe_stream(name: str) -> bytes:
    """Write the SDP of a synthetic stream."""
    lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", f"s={name}", "c=IN IP4 0.0.0.0", "t=0 0",
             f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_RATE}",
             f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id=42C01E",
             "a=control:streamid=0")  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()


def track_url(answer: Answer, url: str) -> str:
    """Find the URL of the first track in the answer to DESCRIBE of `url` (RFC 2326 C.1.1)."""
    media = answer.body.decode(errors="replace").partition("m=")[2]
    control = next((line[10:].strip() for line in media.splitlines() if line.startswith("a=control:")), "")
    if "://" in control:
        return control
    base = answer.headers.get("content-base") or answer.headers.get("content-location") or url
    return base if not control else base + control if base.endswith("/") else f"{base}/{control}"


def udp_pair(host: str, hint: int) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and the next one, near `hint` in the ephemeral range. Raises RtspFailureError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for step in range(0, _LAST_PAIR - _FIRST_PAIR, 2):
        port = _FIRST_PAIR + (hint * 2 + step) % (_LAST_PAIR - _FIRST_PAIR)
        rtp, rtcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((host, port))
            rtcp.bind((host, port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        rtp.setblocking(False)
        return rtp, rtcp
    raise RtspFailureError("no free UDP ports")
