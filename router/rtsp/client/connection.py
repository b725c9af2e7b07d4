"""One connection of a client: one request at a time, its credentials, its answer, and what comes between."""

from collections.abc import Iterator
from dataclasses import dataclass

from router.rtsp.client.authenticator import Authenticator
from router.rtsp.errors import PeerError
from router.rtsp.message import MessageLimits, Response, is_response, parse_request, parse_response, write_request
from workers.framing import Broken, Frame, FramingLimits, Splitter

_MAX_ATTEMPTS = 3
"""Of one request: without credentials, with them, and with a fresh nonce."""
_LIMITS = MessageLimits()
_UNDERSTOOD = ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER")
"""What servers ask to see whether their client is there."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request that is to be made; `track` is a SETUP's. A `keeps_alive` may be refused."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    track: int | None = None
    keeps_alive: bool = False


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What a server says to a step, once it has seen all credentials that there are."""

    step: ClientRequest
    response: Response


@dataclass(frozen=True, slots=True)
class ServerTeardown:
    """The server has ended the session by a request of its own."""


class ClientConnection:
    """Bytes to answers and frames, and steps to bytes. Times are monotonic, in seconds."""

    def __init__(self, user_agent: str, answer_timeout_s: float) -> None:
        self.authenticator: Authenticator | None = None
        self.session_id: str | None = None
        self.asked: ClientRequest | None = None
        """What waits for its answer."""
        self.deadline = 0.0
        """When that answer is late."""
        self._user_agent = user_agent
        self._answer_timeout_s = answer_timeout_s
        self._splitter = Splitter(FramingLimits())
        self._out = bytearray()
        self._cseq = 0
        self._attempts = 0

    @property
    def unread(self) -> bytes:
        """What came and is no whole message or frame yet."""
        return self._splitter.unread

    def begin(self) -> None:
        """Forget what the connection before has left."""
        self._splitter = Splitter(FramingLimits())
        self._out.clear()
        self.asked = self.session_id = None

    def outgoing(self) -> bytes:
        """Take what is to be sent."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def ask(self, step: ClientRequest, now: float) -> None:
        """Make a request; nothing else may be waiting for its answer.

        Raises:
            LocalError: for what would end a line early.
        """
        self._attempts = 0
        self._send(step, now)

    def receive(self, data: bytes, now: float) -> Iterator[ServerAnswer | ServerTeardown | Frame]:
        """Take what came.

        Raises:
            PeerError: it is no RTSP.
        """
        for item in self._splitter.feed(data):
            if isinstance(item, Broken):
                raise PeerError(502, f"what it sends is no RTSP: {item.reason}")
            if isinstance(item, tuple):
                yield item
            elif not is_response(item):
                if self._serve(item) == "TEARDOWN":
                    yield ServerTeardown()
            elif answer := self._take(parse_response(item, _LIMITS), now):
                yield answer

    def _take(self, response: Response, now: float) -> ServerAnswer | None:
        step = self.asked
        cseq = str(self._cseq)
        # A late answer, or one that says to wait. Some cameras leave the CSeq out.
        if step is None or response.status < 200 or response.fields.get("CSeq", cseq) != cseq:
            return None
        self.asked = None
        if self.authenticator is None:
            return ServerAnswer(step, response)
        if response.status != 401:
            self.authenticator.accepted()
        elif self._attempts < _MAX_ATTEMPTS and self.authenticator.challenged(
            response.fields.get_all("WWW-Authenticate")
        ):
            self._send(step, now)
            return None
        return ServerAnswer(step, response)

    def _send(self, step: ClientRequest, now: float) -> None:
        self._cseq += 1
        self._attempts += 1
        headers = [("CSeq", str(self._cseq)), ("User-Agent", self._user_agent)]
        if self.session_id is not None:
            headers.append(("Session", self.session_id))
        if self.authenticator and (proof := self.authenticator.header(step.method, step.url)):
            headers.append(("Authorization", proof))
        if step.body:
            headers.append(("Content-Length", str(len(step.body))))
        self._out += write_request(step.method, step.url, [*headers, *step.headers], step.body)
        self.asked, self.deadline = step, now + self._answer_timeout_s

    def _serve(self, message: bytes) -> str:
        """Answer a request of the server's, and return its method."""
        request = parse_request(message, _LIMITS)
        status = 200 if request.method in (*_UNDERSTOOD, "TEARDOWN") else 501
        self._out += Response(status, (("CSeq", request.cseq),)).to_bytes()
        return request.method
