"""A client's session with one server: bytes and time in, bytes and events out (RFC 2326 appendix A.1).

What is wanted becomes a list of steps, which is made anew where the session begins again on another connection: after a
redirection, or when it falls back from UDP to TCP.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from router.rtsp.client import target
from router.rtsp.client.authenticator import Authenticator
from router.rtsp.client.connection import ClientConnection, ClientRequest, ServerAnswer, ServerTeardown
from router.rtsp.client.errors import ServerBroken, ServerError, ServerGone, ServerRefused
from router.rtsp.client.events import (
    Described,
    Event,
    Offer,
    Paused,
    PlayStarted,
    Reconnect,
    RecordStarted,
    RemoteTrack,
    TornDown,
    TrackSetUp,
)
from router.rtsp.client.goal import MAX_TRACKS, Goal
from router.rtsp.client.tracks import granted_transport, started
from router.rtsp.errors import LocalError, PeerError, RtspError
from router.rtsp.headers.session import parse_session
from router.rtsp.message import Response
from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import SessionState, next_state
from workers.framing import Frame

MAX_REDIRECTS = 5
"""A camera's chain has one; browsers stop at 20."""
MAX_EARLY_BYTES = 1 << 20
"""Of media that comes before PLAY's answer: a second of a fast camera."""
_DEFAULT_TIMEOUT_S = 60
"""Of a session whose server doesn't say (RFC 2326 section 12.37)."""
_LONGEST_TIMEOUT_S = 600
"""Firewalls and NATs forget a silent connection sooner than servers say."""
_REDIRECTIONS = (301, 302, 303, 305)
_UNSUPPORTED_TRANSPORT, _SESSION_NOT_FOUND = 461, 454
_ACTIVE = (SessionState.PLAYING, SessionState.RECORDING)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a session behaves.

    `ask_options` begins with OPTIONS, as players do. A request that is not answered for `answer_timeout_s` ends the
    session. With `fall_back`, tracks that the server won't send by UDP, or that bring no media for `media_timeout_s`
    of playing, come by TCP instead.
    """

    user_agent: str = "trunkline"
    ask_options: bool = True
    answer_timeout_s: float = 10.0
    fall_back: bool = True
    media_timeout_s: float = 5.0


@dataclass(slots=True)
class _Progress:
    """How far it is on the present connection."""

    base: str
    urls: tuple[str, ...] = ()
    tracks: dict[int, RemoteTrack] = field(default_factory=dict)
    timeout_s: float = _DEFAULT_TIMEOUT_S
    early_bytes: int = 0
    keep_alive_at: float | None = None
    media_by: float | None = None
    """When media has to have come by UDP; None where that is not, or no longer, waited for."""
    leaving: bool = False
    """Whether it begins again elsewhere once TEARDOWN is answered."""


class ClientSession:
    """One session, from the connection to TEARDOWN. Its owner connects, calls `connected`, then moves bytes.

    `describe`, `play`, `announce`, `pause`, `resume` and `teardown` say what is wanted; what comes of it are the events
    of `receive` and `tick`. All of them leave bytes for `outgoing`. Times are monotonic, in seconds; `cnonce` are 16
    random hexadecimal digits. A `ServerError` is the end.

    Raises:
        LocalError: `url` is none that can be asked for; or, from what is wanted, that can't be had now.
    """

    def __init__(self, url: str, cnonce: str, options: ClientOptions | None = None) -> None:
        self.options = options or ClientOptions()
        self._url, credentials = target.parse_target(url)
        self.address = target.address_of(self._url)
        """Host and port to connect to."""
        self.state = SessionState.INIT
        self._connection = ClientConnection(self.options.user_agent, self.options.answer_timeout_s)
        if credentials is not None:
            self._connection.authenticator = Authenticator(credentials, cnonce)
        self._progress = _Progress(self.url)
        self._steps: deque[ClientRequest] = deque()
        self._goal = Goal()
        self._public: frozenset[str] = frozenset()
        self._redirects = 0

    # -- what is known -----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """What is asked for now, without credentials."""
        return str(self._url)

    @property
    def id(self) -> str | None:
        return self._connection.session_id

    @property
    def unread(self) -> bytes:
        """What came and is no whole message or frame yet: it belongs to whoever reads the connection next."""
        return self._connection.unread

    @property
    def next_time(self) -> float | None:
        """When `tick` has something to do, if nothing comes before."""
        progress = self._progress
        times = [self._connection.deadline if self._connection.asked else progress.keep_alive_at, progress.media_by]
        return min((each for each in times if each is not None), default=None)

    def outgoing(self) -> bytes:
        return self._connection.outgoing()

    # -- what is wanted ----------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Begin on a new connection: with what is wanted already, after a `Reconnect`."""
        self._connection.begin()
        self._progress = _Progress(self.url)
        self.state = SessionState.INIT
        self._steps.clear()
        self._begin(now)

    def describe(self, now: float) -> None:
        """Ask what there is to read: `Described`."""
        self._want("DESCRIBE")
        self._goal.reads = True
        self._begin(now)

    def play(self, offers: Sequence[Offer], now: float) -> None:
        """Read these tracks of what was described: `TrackSetUp` for each, then `PlayStarted`."""
        self._want("SETUP")
        self._goal.want_tracks(offers, len(self._progress.urls))
        self._steps += self._goal.playing(self._progress.base, self._progress.urls)
        self._go_on(now)

    def announce(self, description: bytes, offers: Sequence[Offer], now: float) -> None:
        """Publish what a description in SDP says: `TrackSetUp` for each track, then `RecordStarted`."""
        self._want("ANNOUNCE")
        self._goal.want_published(description, offers)
        self._begin(now)

    def pause(self, now: float) -> None:
        """Let no media flow for a while: `Paused`."""
        self._ask("PAUSE", now)

    def resume(self, now: float) -> None:
        """Play after a pause: `PlayStarted`."""
        self._ask("PLAY", now)

    def teardown(self, now: float) -> None:
        """End the session: `TornDown`, whatever the server says to it."""
        self._steps.clear()
        self._steps.append(ClientRequest("TEARDOWN", self._progress.base))
        self._go_on(now)

    def keep_alive(self, now: float) -> None:
        """Tell the server that we are there: by GET_PARAMETER where it offers that, else by OPTIONS."""
        method = "GET_PARAMETER" if "GET_PARAMETER" in self._public else "OPTIONS"
        self._steps.append(ClientRequest(method, self._progress.base, keeps_alive=True))
        self._progress.keep_alive_at = None
        self._go_on(now)

    def media_came(self) -> None:
        """Say that UDP brings media: there is no need to fall back."""
        self._progress.media_by = None

    # -- what comes ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take what came.

        Raises:
            ServerError: the server refuses, or sends what is no RTSP.
        """
        events: list[Event] = []
        method = self._connection.asked.method if self._connection.asked else ""
        try:
            for item in self._connection.receive(data, now):
                if isinstance(item, tuple):
                    self._frame(item, events)
                elif isinstance(item, ServerTeardown):
                    events.append(self._over())
                else:
                    method = item.step.method
                    self._answered(item, events, now)
                if events and isinstance(events[-1], Reconnect | TornDown):
                    break
                self._go_on(now)
        except ServerError:
            self._close()
            raise
        except RtspError as error:  # what it sent can't be read, or would not be safe to send back
            self._close()
            raise ServerBroken(502, error.reason, method) from error
        return events

    def ended(self) -> list[Event]:
        """Take it that the server has closed the connection.

        Raises:
            ServerError: unless that was to be expected.
        """
        return self._unanswered(503, "it closed the connection")

    def tick(self, now: float) -> list[Event]:
        """Do what is due.

        Raises:
            ServerError: the server hasn't answered in time.
        """
        progress = self._progress
        if self._connection.asked and now >= self._connection.deadline:
            return self._unanswered(504, f"no answer within {self.options.answer_timeout_s:g} s")
        if progress.media_by is not None and now >= progress.media_by and not self._connection.asked:
            self._fall_back(now)
        elif progress.keep_alive_at is not None and now >= progress.keep_alive_at:
            self.keep_alive(now)
        return []

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _want(self, method: str) -> None:
        asked = self._connection.asked
        if any(not each.keeps_alive for each in (*self._steps, *((asked,) if asked else ()))):
            raise LocalError(f"{method} while something else is asked for")
        try:
            next_state(self.state, method)
        except PeerError as error:
            raise LocalError(error.reason) from error

    def _ask(self, method: str, now: float) -> None:
        self._want(method)
        self._steps.append(ClientRequest(method, self._progress.base))
        self._go_on(now)

    def _begin(self, now: float) -> None:
        steps = self._goal.beginning(self.url)
        if steps and self.options.ask_options:
            self._steps.append(ClientRequest("OPTIONS", self.url))
        self._steps += steps
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        if self._steps and not self._connection.asked:
            self._connection.ask(self._steps.popleft(), now)

    # -- what the server says ------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame, events: list[Event]) -> None:
        asked = self._connection.asked
        if self.state not in _ACTIVE:
            if asked is None or asked.method != "PLAY":
                return  # on its way when it was told to pause
            self._progress.early_bytes += len(frame[1])
            if self._progress.early_bytes > MAX_EARLY_BYTES:
                raise PeerError(502, "media without an answer to PLAY")
        events.append(frame)

    def _answered(self, answer: ServerAnswer, events: list[Event], now: float) -> None:
        step, status = answer.step, answer.response.status
        if self._progress.leaving:
            events.append(Reconnect(*self.address))
        elif 200 <= status < 300:
            self.state = next_state(self.state, step.method)
            self._succeeded(step, answer.response, events, now)
        elif step.method == "TEARDOWN":
            events.append(self._over())
        elif step.keeps_alive and status != _SESSION_NOT_FOUND:
            self._public -= {step.method}  # offered, and not understood
        elif status in _REDIRECTIONS:
            events.append(self._redirected(answer.response))
        elif status == _UNSUPPORTED_TRANSPORT and step.track is not None and self._falls_back(step.track):
            self._refused_udp(now)
        elif step.method != "OPTIONS" or step.keeps_alive or status == 401:
            raise ServerRefused(status, answer.response.reason or "", step.method)
        if self.state in (*_ACTIVE, SessionState.READY):
            self._progress.keep_alive_at = now + self._progress.timeout_s / 2

    def _succeeded(self, step: ClientRequest, response: Response, events: list[Event], now: float) -> None:
        progress = self._progress
        match step.method:
            case "OPTIONS":
                public = response.fields.get("Public", "") or ""
                self._public = frozenset(each.strip().upper() for each in public.split(","))
            case "DESCRIBE":
                self._described(response, events)
            case "ANNOUNCE":
                self._note_session(response)
            case "SETUP":
                assert step.track is not None
                self._note_session(response)
                transport = granted_transport(step.track, response, udp=self._goal.offers_udp(step.track))
                track = RemoteTrack(step.track, step.url, transport)
                progress.tracks[step.track] = track
                events.append(TrackSetUp(track))
            case "PLAY":
                if self.options.fall_back and any(not each.transport.tcp for each in progress.tracks.values()):
                    progress.media_by = now + self.options.media_timeout_s
                events.append(PlayStarted(started(progress.tracks, response)))
            case "RECORD":
                events.append(RecordStarted(tuple(progress.tracks.values())))
            case "PAUSE":
                progress.media_by = None
                events.append(Paused())
            case "TEARDOWN":
                events.append(self._over())

    def _described(self, response: Response, events: list[Event]) -> None:
        document = parse_sdp(response.body, MAX_TRACKS)
        self._progress.base = target.base_of(self._url, response, document)
        self._progress.urls = target.track_urls(self._progress.base, [media.control for media in document.medias])
        if self._goal.offers is None:
            events.append(Described(document))
        elif any(each.track >= len(document.medias) for each in self._goal.offers):
            raise PeerError(502, "it has other tracks than before")
        else:
            self._steps += self._goal.playing(self._progress.base, self._progress.urls)

    def _note_session(self, response: Response) -> None:
        value = response.fields.get("Session")
        if value is not None:
            session = parse_session(value)
            self._connection.session_id = session.id
            if session.timeout_s:
                self._progress.timeout_s = min(session.timeout_s, _LONGEST_TIMEOUT_S)

    # -- beginning again -----------------------------------------------------------------------------------------------

    def _redirected(self, response: Response) -> Reconnect:
        location = response.fields.get("Location")
        self._redirects += 1
        if location is None or self._redirects > MAX_REDIRECTS:
            reason = "a redirection without a Location" if location is None else f"over {MAX_REDIRECTS} redirections"
            raise PeerError(502, reason)
        url = target.redirected(self._url, location)
        before, self.address = self.address, target.address_of(url)
        if response.status != 305:  # a proxy is asked for what was wanted (RFC 2326 section 11.3.5)
            self._url = url
        if self.address[0] != before[0]:
            self._connection.authenticator = None  # the credentials are for the server that they were given for
        return Reconnect(*self.address)

    def _falls_back(self, track: int) -> bool:
        return self.options.fall_back and self._goal.offers_udp(track)

    def _refused_udp(self, now: float) -> None:
        if self._progress.tracks:  # those that go by UDP already have to be set up anew
            self._fall_back(now)
            return
        self._goal.over_tcp = True
        self._steps = deque(self._goal.again(self.url, self._progress.base, self._progress.urls))

    def _fall_back(self, now: float) -> None:
        self._goal.over_tcp = True
        self._steps.clear()
        self._progress.leaving = True
        self._progress.keep_alive_at = self._progress.media_by = None
        self._connection.ask(ClientRequest("TEARDOWN", self._progress.base), now)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _unanswered(self, status: int, reason: str) -> list[Event]:
        asked = self._connection.asked
        if self._progress.leaving:
            return [Reconnect(*self.address)]
        if asked is not None and asked.method == "TEARDOWN":
            return [self._over()]
        self._close()
        raise ServerGone(status, reason, asked.method if asked else "")

    def _over(self) -> TornDown:
        self._close()
        return TornDown()

    def _close(self) -> None:
        self.state = SessionState.CLOSED
        self._steps.clear()
        self._connection.asked = None
        self._progress.keep_alive_at = self._progress.media_by = None
