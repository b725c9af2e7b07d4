"""Requests on a session whose media flows, one at a time, and whether its connection stands."""

from collections.abc import Callable

from router.rtsp.client import RtspError
from router.rtsp.message import MessageLimits, parse_response
from tests.support.swarm.verdicts import Answers

_FIRST_CSEQ = 1000
_MOST_WRONG = 20
_PATIENCE_S = 20.0
"""A client asks again after so long without an answer: a front that dies again and again is away for 10 s."""


class Dialog:
    """One session's requests. `write` sends bytes on its connection, between frames. Times are monotonic seconds."""

    def __init__(self, url: str, session: str, write: Callable[[bytes], None]) -> None:
        self.url = url
        self.session = session
        self.closed_at: float | None = None
        """When the router ended the connection."""
        self.asked = ""
        """The method whose answer is waited for."""
        self.torn_down = False
        self.gone = False
        """Whether the client has gone by itself."""
        self._write = write
        self._cseq = _FIRST_CSEQ
        self._asked_at = 0.0
        self._good = 0
        self._wrong: list[str] = []
        self._slowest_s = 0.0
        self._given_up: set[str] = set()
        """The CSeqs of requests that were not waited for any longer."""

    @property
    def over(self) -> bool:
        """Whether there is nobody left to ask, or to be asked."""
        return self.gone or self.closed_at is not None

    def ask(self, method: str, now: float) -> None:
        """Make a request, unless one is still to be answered."""
        if self.closed_at is not None or (self.asked and now - self._asked_at < _PATIENCE_S):
            return
        if self.asked:
            self._given_up.add(str(self._cseq))
        self._cseq += 1
        self.asked, self._asked_at = method, now
        lines = (f"{method} {self.url} RTSP/1.0", f"CSeq: {self._cseq}", f"Session: {self.session}", "", "")
        self._write("\r\n".join(lines).encode())

    def heard(self, message: bytes, now: float) -> None:
        """Take what the router said."""
        try:
            answer = parse_response(message, MessageLimits())
        except RtspError as error:
            self._fault(str(error))
            return
        if answer.fields.get("CSeq") in self._given_up:
            return
        cseq = answer.fields.get("CSeq")
        session = (answer.fields.get("Session") or self.session).partition(";")[0]
        if not self.asked or answer.status != 200 or cseq != str(self._cseq) or session != self.session:
            self._fault(f"{self.asked or 'nothing'} was answered {answer.status}, CSeq {cseq}, session {session}")
        else:
            self._good += 1
            self.torn_down = self.asked == "TEARDOWN"
            self._slowest_s = max(self._slowest_s, now - self._asked_at)
        self.asked = ""

    def _fault(self, what: str) -> None:
        if len(self._wrong) < _MOST_WRONG:
            self._wrong.append(what)

    def ended(self, now: float) -> None:
        """Note that the connection is at its end."""
        if self.closed_at is None:
            self.closed_at = now

    def answers(self, now: float) -> Answers:
        """Sum up."""
        waiting_s = now - self._asked_at if self.asked and self.closed_at is None else 0.0
        return Answers(
            good=self._good,
            unanswered=len(self._given_up),
            wrong=tuple(self._wrong),
            slowest_ms=round(self._slowest_s * 1e3, 1),
            waiting_ms=round(waiting_s * 1e3, 1),
        )
