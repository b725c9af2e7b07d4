"""RTSP requests and responses: bytes to values and back (RFC 2326 sections 4 to 7)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from router.rtsp.errors import LocalError, PeerError
from router.rtsp.headers.session import parse_session
from router.rtsp.status import REASONS

_VERSION = "RTSP/1.0"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ANY_VERSION = re.compile(r"[A-Z]+/[0-9]+\.[0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_BUT_LF = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HEAD_END = re.compile(rb"\n\r?\n")
_CSEQ = re.compile(rb"\ncseq[ \t]*:[ \t]*([0-9]{1,19})[ \t]*\r?\n", re.IGNORECASE)
_STATUS_LINE = re.compile(rb"RTSP/[0-9]\.[0-9] +([1-5][0-9]{2})(?: (.*))?")
_CSEQ_VALUE = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """What a request may hold. `line_bytes` counts the line end; a head's and a body's size are framing's to limit."""

    line_bytes: int = 8192
    headers: int = 100


class Headers:
    """The header lines of one message: in their order, found by name whatever its case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._by_name: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._by_name.setdefault(name.lower(), []).append(value)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of a header, or `default`."""
        values = self._by_name.get(name.lower())
        return values[0] if values else default

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order."""
        return tuple(self._by_name.get(name.lower(), ()))

    def items(self) -> tuple[tuple[str, str], ...]:
        """Return all header lines as they came."""
        return self._pairs

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"


@dataclass(frozen=True)
class Request:
    """One request; `url` is as it was sent, and may be `*`."""

    method: str
    url: str
    headers: Headers
    body: bytes = b""

    @cached_property
    def cseq(self) -> str:
        """The CSeq, digits; every parsed request has one."""
        return self.headers.get("CSeq", "") or ""

    @cached_property
    def session(self) -> str | None:
        """The session id without its parameters, None where there is none."""
        value = self.headers.get("Session")
        return None if value is None else parse_session(value).id

    def to_bytes(self) -> bytes:
        """Write the request, with Content-Length if it has a body and doesn't say so itself.

        Raises:
            LocalError: for what would end a line early.
        """
        pairs = self.headers.items()
        if self.body and "Content-Length" not in self.headers:
            pairs = (*pairs, ("Content-Length", str(len(self.body))))
        return write_request(self.method, self.url, pairs, self.body)


@dataclass(frozen=True)
class Response:
    """One response; without a `reason` the status has the RFC's name."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str | None = None

    @cached_property
    def fields(self) -> Headers:
        """The headers by their names."""
        return Headers(self.headers)

    def head_bytes(self) -> bytes:
        """Write status line and headers as whole lines, without the empty line that closes them.

        Raises:
            LocalError: for what would end a line early or is no status.
        """
        if not 100 <= self.status <= 599:
            raise LocalError(f"{self.status} is no status")
        reason = REASONS.get(self.status, "Unknown") if self.reason is None else self.reason
        length = (("Content-Length", str(len(self.body))),) if self.body else ()
        return _head(f"{_VERSION} {self.status} {reason}", (*self.headers, *length))

    def to_bytes(self) -> bytes:
        """Write the whole response, with Content-Length if it has a body.

        Raises:
            LocalError: as `head_bytes`.
        """
        return self.head_bytes() + b"\r\n" + self.body


def write_request(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """Write a request whose headers are complete.

    Raises:
        LocalError: for what would end a line early.
    """
    return _head(f"{method} {url} {_VERSION}", headers) + b"\r\n" + body


def is_response(message: bytes) -> bool:
    """Tell a client's response (to a request of ours, or to nothing) from a request."""
    return message.startswith(b"RTSP/")


def parse_request(message: bytes, limits: MessageLimits) -> Request:
    """Read one whole message, as `Splitter` gives it.

    Raises:
        PeerError: 400, 413, 414 or 505, with the CSeq where there is a readable one.
    """
    try:
        return _parse(message, limits)
    except PeerError as error:
        cseq = _CSEQ.search(message, 0, limits.line_bytes * 2)
        error.cseq = cseq[1].decode() if cseq else None
        raise


def parse_response(message: bytes, limits: MessageLimits) -> Response:
    """Read one whole response, as `Splitter` gives it. Headers that can't be read are left out, as players do.

    Raises:
        PeerError: 502, or what the limits are for.
    """
    first, lines, body = _split(message, limits)
    match = _STATUS_LINE.fullmatch(first.removesuffix(b"\r"))
    if match is None:
        raise PeerError(502, "no status line of RTSP")
    headers: list[tuple[str, str]] = []
    for line in b"\n".join(lines).decode(errors="replace").split("\n"):
        name, colon, value = line.removesuffix("\r").partition(":")
        if colon and len(line) < limits.line_bytes and not _CONTROL.search(value):
            headers.append((name, value.strip(" \t")))
    reason = _CONTROL.sub("", (match[2] or b"").decode(errors="replace")).strip()
    return Response(int(match[1]), tuple(headers), body, reason)


def _split(message: bytes, limits: MessageLimits) -> tuple[bytes, list[bytes], bytes]:
    """Cut a message into its first line, its header lines and its body."""
    head_end = _HEAD_END.search(message)
    if head_end is None:
        raise PeerError(400, "message without end")
    first, *lines = message[: head_end.start()].split(b"\n")
    if len(first) >= limits.line_bytes:
        raise PeerError(414, f"first line over {limits.line_bytes} bytes")
    if len(lines) > limits.headers:
        raise PeerError(413, f"more than {limits.headers} headers")
    return first, lines, message[head_end.end() :]


def _parse(message: bytes, limits: MessageLimits) -> Request:
    first, lines, body = _split(message, limits)
    method, url = _parse_request_line(first)
    headers = Headers([_parse_header(line, limits) for line in lines])
    cseq = headers.get("CSeq")
    if cseq is None:
        raise PeerError(400, "no CSeq")
    if not _CSEQ_VALUE.fullmatch(cseq):
        raise PeerError(400, "CSeq is no number")
    return Request(method, url, headers, body)


def _parse_request_line(line: bytes) -> tuple[str, str]:
    try:
        method, _, rest = line.removesuffix(b"\r").decode().partition(" ")
    except UnicodeDecodeError as error:
        raise PeerError(400, "request line is not UTF-8") from error
    url, _, version = rest.rpartition(" ")  # ffmpeg 5.1 leaves a space in a URL as it is
    if not _TOKEN.fullmatch(method) or not url or url != url.strip(" ") or _CONTROL.search(url):
        raise PeerError(400, "broken request line")
    if not _ANY_VERSION.fullmatch(version):
        raise PeerError(400, "broken request line")
    if version != _VERSION:
        raise PeerError(505, f"only {_VERSION} is spoken here")
    return method, url


def _parse_header(line: bytes, limits: MessageLimits) -> tuple[str, str]:
    if len(line) >= limits.line_bytes:
        raise PeerError(413, f"header over {limits.line_bytes} bytes")
    # A user agent in Latin-1 is no reason to refuse a camera.
    name, colon, value = line.removesuffix(b"\r").decode(errors="replace").partition(":")
    # Folded lines end here too: no client writes them, and readers disagree about them.
    if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
        raise PeerError(400, "broken header")
    return name, value.strip(" \t")


def _head(first: str, pairs: Iterable[tuple[str, str]]) -> bytes:
    lines = [first]
    for name, value in pairs:
        if not _is_token(name):
            raise LocalError(f"{name!r} is no header name")
        lines.append(f"{name}: {value}")
    text = "\n".join(lines)
    if _CONTROL_BUT_LF.search(text) or text.count("\n") >= len(lines):
        raise LocalError("control character in a header")
    try:
        return f"{text}\n".encode().replace(b"\n", b"\r\n")
    except UnicodeEncodeError as error:
        raise LocalError("a header can't be written as UTF-8") from error


@lru_cache(256)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None
