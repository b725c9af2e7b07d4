"""A client's session against servers that are written down."""

import re
from collections.abc import Sequence

import pytest

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
    ServerBroken,
    ServerError,
    ServerGone,
    ServerRefused,
    TornDown,
    TrackSetUp,
)
from router.rtsp.client.session import MAX_EARLY_BYTES, MAX_REDIRECTS
from router.rtsp.errors import LocalError
from router.rtsp.session_state import SessionState
from tests.unit.router.rtsp.client.server_cases import DESCRIBE, DIGEST, OPTIONS, PLAY, READ, SDP, TCP, UDP, answer
from workers.framing import frame

URL = "rtsp://h/cam"
UDP_OFFERS = (Offer(0, (5000, 5001)), Offer(1, (5002, 5003)))
TCP_OFFERS = (Offer(0), Offer(1))
LEAN = ClientOptions(ask_options=False)


class Wire:
    """A session, and what it has sent: method, URL and headers of each request."""

    def __init__(self, url: str = URL, options: ClientOptions = LEAN) -> None:
        self.now = 100.0
        self.session = ClientSession(url, "0123456789abcdef", options)
        self.session.connected(self.now)

    def sent(self) -> list[tuple[str, str, dict[str, str]]]:
        """Take the requests that were made since."""
        found = []
        for text in re.split(r"(?<=\r\n)\r\n(?=[A-Z])", self.session.outgoing().decode()):
            if text:
                first, *lines = text.split("\r\n\r\n")[0].split("\r\n")
                method, url, _ = first.split(" ")
                found.append((method, url, dict(line.split(": ", 1) for line in lines if line)))
        return found

    def methods(self) -> list[str]:
        """Take what was asked since."""
        return [method for method, _, _ in self.sent()]

    def say(self, status: int = 200, headers: bytes = b"", body: bytes = b"") -> list[Event]:
        """ServerAnswer the one request that waits."""
        ((_, _, asked),) = self.sent()
        return self.session.receive(answer(int(asked["CSeq"]), status, headers, body), self.now)

    def play(self, offers: Sequence[Offer], transport: bytes) -> list[Event]:
        """Go as far as PLAY's answer."""
        self.session.describe(self.now)
        self.say(headers=DESCRIBE, body=SDP)
        self.session.play(offers, self.now)
        for _ in offers:
            self.say(headers=transport)
        return self.say(headers=PLAY)


def test_a_reader_goes_from_options_to_play() -> None:
    wire = Wire(options=ClientOptions())
    wire.session.describe(wire.now)
    assert wire.say(headers=OPTIONS) == []
    (described,) = wire.say(headers=DESCRIBE, body=SDP)
    assert isinstance(described, Described)
    assert [media.kind for media in described.document.medias] == ["video", "audio"]
    wire.session.play(UDP_OFFERS, wire.now)
    (first,) = wire.say(headers=UDP)
    assert isinstance(first, TrackSetUp)
    assert first.track.transport.server_port == (6000, 6001)
    wire.say(headers=UDP)
    ((method, url, headers),) = wire.sent()
    assert (method, url, headers["Session"]) == ("PLAY", "rtsp://h/cam/", "12ab")
    (playing,) = wire.session.receive(answer(5, headers=PLAY), wire.now)
    assert isinstance(playing, PlayStarted)
    assert [(each.index, each.sequence, each.rtp_time) for each in playing.tracks] == [(0, 7, 9), (1, None, 8)]
    assert (wire.session.state, wire.session.id) == (SessionState.PLAYING, "12ab")


def test_a_publisher_goes_from_announce_to_record() -> None:
    wire = Wire("rtsp://h:5554/cam?x")
    wire.session.announce(SDP, (Offer(0, (5000, 5001)), Offer(1)), wire.now)
    asked, answers = [], (b"", UDP, TCP.replace(b"0-1", b"2-3"), b"")
    for headers in answers:
        ((method, url, sent),) = wire.sent()
        asked.append((method, url, sent.get("Transport")))
        events = wire.session.receive(answer(int(sent["CSeq"]), headers=headers), wire.now)
    assert asked == [
        ("ANNOUNCE", "rtsp://h:5554/cam?x", None),
        ("SETUP", "rtsp://h:5554/cam?x/trackID=0", "RTP/AVP;unicast;client_port=5000-5001;mode=record"),
        ("SETUP", "rtsp://h:5554/cam?x/trackID=1", "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record"),
        ("RECORD", "rtsp://h:5554/cam?x", None),
    ]
    (recording,) = events
    assert isinstance(recording, RecordStarted)
    assert wire.session.state is SessionState.RECORDING


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_the_same_comes_of_any_cut_of_the_bytes(size: int) -> None:
    wire = Wire(options=ClientOptions())
    events: list[Event] = []
    wire.session.describe(wire.now)
    for number, said in enumerate(READ, 1):
        for at in range(0, len(said), size):
            events += wire.session.receive(said[at : at + size], wire.now)
        if number == 2:
            wire.session.play(UDP_OFFERS, wire.now)
    assert [type(each) for each in events] == [Described, TrackSetUp, TrackSetUp, PlayStarted]


def test_media_between_answers_is_handed_on_in_order() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(TCP_OFFERS[:1], wire.now)
    wire.say(headers=TCP)
    rest = frame(0, b"cut")
    data = frame(0, b"early") + answer(3, headers=PLAY) + frame(1, b"late") + rest[:5]
    early, playing, late = wire.session.receive(data, wire.now)
    assert (early, late) == ((0, b"early"), (1, b"late"))
    assert isinstance(playing, PlayStarted)
    assert wire.session.unread == rest[:5]


def test_early_media_has_a_limit() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    assert wire.session.receive(frame(0, bytes(60_000)), wire.now) == []
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(TCP_OFFERS[:1], wire.now)
    wire.say(headers=TCP)
    assert len(wire.session.receive(frame(0, bytes(65_535)) * 16, wire.now)) == 16
    with pytest.raises(ServerBroken):
        wire.session.receive(frame(0, bytes(MAX_EARLY_BYTES - 16 * 65_535 + 1)), wire.now)


# -- credentials -----------------------------------------------------------------------------------------------------


def test_credentials_are_shown_when_asked_for() -> None:
    wire = Wire("rtsp://anna:se%2Fcret@h/cam")
    assert wire.session.url == URL
    wire.session.describe(wire.now)
    assert wire.say(401, DIGEST) == []
    ((method, url, headers),) = wire.sent()
    assert (method, url) == ("DESCRIBE", URL)
    assert headers["Authorization"].startswith('Digest username="anna", realm="r", nonce="n1", uri="rtsp://h/cam"')
    assert wire.session.receive(answer(2, headers=DESCRIBE, body=SDP), wire.now)
    wire.session.play(TCP_OFFERS, wire.now)
    ((_, _, headers),) = wire.sent()
    assert 'uri="rtsp://h/cam/trackID=0"' in headers["Authorization"]


def test_wrong_credentials_are_shown_once() -> None:
    wire = Wire("rtsp://anna:secret@h/cam")
    wire.session.describe(wire.now)
    wire.say(401, DIGEST)
    with pytest.raises(ServerRefused) as refusal:
        wire.say(401, DIGEST.replace(b"n1", b"n2"))
    assert (refusal.value.status, refusal.value.method) == (401, "DESCRIBE")
    assert wire.session.state is SessionState.CLOSED


def test_a_stale_nonce_is_renewed_once_a_request() -> None:
    wire = Wire("rtsp://anna:secret@h/cam")
    wire.session.describe(wire.now)
    wire.say(401, DIGEST)
    wire.say(401, DIGEST.replace(b'"n1"', b'"n2", stale=true'))
    with pytest.raises(ServerRefused):
        wire.say(401, DIGEST.replace(b'"n1"', b'"n3", stale=true'))


def test_a_nonce_that_was_good_may_be_replaced() -> None:
    wire = Wire("rtsp://anna:secret@h/cam")
    wire.session.describe(wire.now)
    wire.say(401, DIGEST)
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(TCP_OFFERS, wire.now)
    assert wire.say(401, DIGEST.replace(b"n1", b"n2")) == []
    assert 'nonce="n2"' in wire.sent()[0][2]["Authorization"]


def test_nobody_to_show_is_a_refusal() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    with pytest.raises(ServerRefused):
        wire.say(401, DIGEST)


# -- redirections, falling back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "location", "where", "url"),
    [
        (301, "rtsp://other:99/a", Reconnect("other", 99), "rtsp://other:99/a"),
        (302, "rtsps://other/a", Reconnect("other", 322), "rtsps://other/a"),
        (303, "/there?x", Reconnect("h", 554), "rtsp://h/there?x"),
        (305, "rtsp://proxy:1/", Reconnect("proxy", 1), URL),
    ],
)
def test_redirections_are_followed(status: int, location: str, where: Reconnect, url: str) -> None:
    wire = Wire("rtsp://anna:secret@h/cam")
    wire.session.describe(wire.now)
    wire.say(401, DIGEST)
    assert wire.say(status, b"Location: %s\r\n" % location.encode()) == [where]
    wire.session.connected(wire.now)
    ((method, asked, headers),) = wire.sent()
    assert (method, asked) == ("DESCRIBE", url)
    assert ("Authorization" in headers) is (where.host == "h")


def test_redirections_have_an_end() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    for _ in range(MAX_REDIRECTS):
        wire.say(302, b"Location: rtsp://h/cam\r\n")
        wire.session.connected(wire.now)
    with pytest.raises(ServerBroken, match="redirections"):
        wire.say(302, b"Location: rtsp://h/cam\r\n")


@pytest.mark.parametrize("headers", [b"", b"Location: http://h/\r\n", b"Location: rtsp://h/a b\r\n"])
def test_broken_redirections_are_the_servers_fault(headers: bytes) -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    with pytest.raises(ServerBroken):
        wire.say(302, headers)


def test_a_publisher_is_redirected_with_its_description() -> None:
    wire = Wire()
    wire.session.announce(SDP, TCP_OFFERS, wire.now)
    assert wire.say(302, b"Location: rtsp://h2/cam\r\n") == [Reconnect("h2", 554)]
    wire.session.connected(wire.now)
    assert wire.sent()[0][:2] == ("ANNOUNCE", "rtsp://h2/cam")


def test_461_is_answered_by_tcp() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(UDP_OFFERS, wire.now)
    assert wire.say(461) == []
    ((method, _, headers),) = wire.sent()
    assert (method, headers["Transport"]) == ("SETUP", "RTP/AVP/TCP;unicast;interleaved=0-1")
    wire.session.receive(answer(3, headers=TCP), wire.now)
    ((method, _, headers),) = wire.sent()
    assert (method, headers["Transport"]) == ("SETUP", "RTP/AVP/TCP;unicast;interleaved=2-3")
    wire.session.receive(answer(4, headers=TCP.replace(b"0-1", b"2-3")), wire.now)
    assert wire.methods() == ["PLAY"]


def test_461_in_the_middle_begins_again() -> None:
    wire = Wire()
    wire.session.announce(SDP, UDP_OFFERS, wire.now)
    wire.say()
    wire.say(headers=UDP)
    wire.say(461)
    assert wire.say() == [Reconnect("h", 554)]  # TEARDOWN
    wire.session.connected(wire.now)
    wire.say()
    assert "TCP" in wire.sent()[0][2]["Transport"]


def test_no_media_by_udp_begins_again_by_tcp() -> None:
    wire = Wire()
    wire.play(UDP_OFFERS, UDP)
    assert wire.session.next_time == wire.now + 5.0
    wire.now += 5.0
    assert wire.session.tick(wire.now) == []
    assert wire.say(454) == [Reconnect("h", 554)]  # TEARDOWN
    wire.session.connected(wire.now)
    assert wire.say(headers=DESCRIBE, body=SDP) == []
    assert "TCP" in wire.sent()[0][2]["Transport"]


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_a_server_that_does_not_answer_is_left_all_the_same(how: str) -> None:
    wire = Wire()
    wire.play(UDP_OFFERS, UDP)
    wire.session.tick(wire.now + 5.0)
    events = wire.session.ended() if how == "closed" else wire.session.tick(wire.now + 15.0)
    assert events == [Reconnect("h", 554)]


def test_media_that_came_ends_the_waiting() -> None:
    wire = Wire()
    wire.play(UDP_OFFERS, UDP)
    wire.session.media_came()
    assert wire.session.next_time == wire.now + 15.0  # half of the session's timeout
    assert wire.session.tick(wire.now + 14.9) == []
    assert wire.methods() == []


def test_who_wants_udp_alone_gets_no_tcp() -> None:
    wire = Wire(options=ClientOptions(ask_options=False, fall_back=False))
    wire.session.describe(wire.now)
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(UDP_OFFERS, wire.now)
    with pytest.raises(ServerRefused) as refusal:
        wire.say(461)
    assert refusal.value.status == 461


# -- a session that lasts -------------------------------------------------------------------------------------------


def test_sessions_are_kept_alive_by_what_the_server_offers() -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    wire.session.tick(wire.now + 15.0)
    ((method, url, headers),) = wire.sent()
    assert (method, url, headers["Session"]) == ("OPTIONS", "rtsp://h/cam/", "12ab")
    wire.now += 15.0
    wire.session.receive(answer(int(headers["CSeq"]), headers=OPTIONS), wire.now)
    wire.session.tick(wire.now + 15.0)
    ((method, _, headers),) = wire.sent()
    assert method == "GET_PARAMETER"
    wire.now += 15.0
    wire.session.receive(answer(int(headers["CSeq"]), 501), wire.now)  # offered, and not there
    wire.session.tick(wire.now + 15.0)
    assert wire.methods() == ["OPTIONS"]


def test_a_session_that_the_server_has_forgotten_is_over() -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    wire.session.keep_alive(wire.now)
    with pytest.raises(ServerRefused) as refusal:
        wire.say(454)
    assert refusal.value.status == 454


def test_a_pause_ends_with_play() -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    wire.session.pause(wire.now)
    assert wire.say() == [Paused()]
    assert wire.session.receive(frame(0, b"late"), wire.now) == []
    wire.session.resume(wire.now)
    (playing,) = wire.say()
    assert isinstance(playing, PlayStarted)


@pytest.mark.parametrize("status", [200, 454])
def test_teardown_is_the_end_whatever_is_said_to_it(status: int) -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    wire.session.teardown(wire.now)
    assert wire.say(status) == [TornDown()]
    assert wire.session.next_time is None


def test_a_server_may_ask_too() -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    asked = b"OPTIONS rtsp://h/cam RTSP/1.0\r\nCSeq: 9\r\n\r\nANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 10\r\n\r\n"
    assert wire.session.receive(asked, wire.now) == []
    assert wire.session.outgoing() == (
        b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\nRTSP/1.0 501 Not Implemented\r\nCSeq: 10\r\n\r\n"
    )
    ended = wire.session.receive(b"TEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 11\r\n\r\n", wire.now)
    assert ended == [TornDown()]


def test_answers_to_nothing_are_passed_over() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    assert wire.session.receive(answer(1, 100) + answer(77), wire.now) == []
    (described,) = wire.say(headers=DESCRIBE, body=SDP)
    assert isinstance(described, Described)


# -- whose fault it is -----------------------------------------------------------------------------------------------


def test_silence_ends_a_session() -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    assert wire.session.tick(wire.now + 9.9) == []
    with pytest.raises(ServerGone) as error:
        wire.session.tick(wire.now + 10.0)
    assert (error.value.status, error.value.method) == (504, "DESCRIBE")


def test_a_closed_connection_ends_a_session() -> None:
    wire = Wire()
    wire.play(TCP_OFFERS, TCP)
    with pytest.raises(ServerGone) as error:
        wire.session.ended()
    assert error.value.status == 503


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01 is TLS",
        b"RTSP/1.0 twohundred OK\r\nCSeq: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        answer(1, body=b"m=video"),
        answer(1),
        answer(1, headers=b"Content-Base: rtsp://h h/\r\n", body=SDP),
        answer(1, body=SDP.replace(b"trackID=0", b"rtsp://h/" + b"a" * 3000)),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"x" * 40_000,
    ],
)
def test_nonsense_is_the_servers_fault(said: bytes) -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    with pytest.raises(ServerBroken) as error:
        wire.session.receive(said, wire.now)
    assert error.value.status == 502
    assert wire.session.state is SessionState.CLOSED


@pytest.mark.parametrize(
    "transport",
    [
        b"",
        b"Transport: RTP/AVP;multicast;port=1-2\r\n",
        b"Transport: RTP/AVP;unicast;server_port=1-2\r\n",
        b"Transport: RTP/SAVP;unicast\r\n",
        b"Transport: RTP/AVP/TCP;interleaved=900-901\r\n",
    ],
)
def test_a_transport_that_nobody_asked_for_is_the_servers_fault(transport: bytes) -> None:
    wire = Wire()
    wire.session.describe(wire.now)
    wire.say(headers=DESCRIBE, body=SDP)
    wire.session.play(TCP_OFFERS, wire.now)
    with pytest.raises(ServerBroken):
        wire.say(headers=transport)


@pytest.mark.parametrize("url", ["http://h/", "rtsp://", "rtsp://h/a b", "rtsp://a%0a:b@h/", "rtsp://h/" + "a" * 2000])
def test_a_bad_url_is_ours(url: str) -> None:
    with pytest.raises(LocalError):
        ClientSession(url, "")


def test_what_cannot_be_had_now_is_ours() -> None:
    wire = Wire()
    for offers in (UDP_OFFERS, ()):
        with pytest.raises(LocalError):
            wire.session.play(offers, wire.now)
    for wanted in (wire.session.pause, wire.session.resume):
        with pytest.raises(LocalError):
            wanted(wire.now)
    with pytest.raises(LocalError):
        wire.session.announce(b"no sdp", TCP_OFFERS, wire.now)
    wire.session.describe(wire.now)
    with pytest.raises(LocalError):
        wire.session.describe(wire.now)
    assert issubclass(ServerError, Exception)
