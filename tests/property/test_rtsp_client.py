"""Whatever a server sends, a client's session gives events, asks on, or says that it is the server's fault."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rtsp.client import (
    ClientOptions,
    ClientSession,
    Described,
    Event,
    Offer,
    Reconnect,
    ServerBroken,
    ServerError,
)
from router.rtsp.client.session import MAX_REDIRECTS
from router.rtsp.message import Response
from tests.unit.router.rtsp.client.server_cases import DESCRIBE, DIGEST, OPTIONS, PLAY, SDP, TCP, UDP
from workers.framing import frame

OFTEN = settings(max_examples=300, deadline=None)
URL = "rtsp://anna:secret@h/cam"
STATUSES = (100, 200, 200, 200, 200, 200, 201, 301, 302, 305, 401, 404, 454, 461, 501)
HEADERS = (
    b"", OPTIONS, DESCRIBE, UDP, TCP, PLAY, DIGEST, b"Location: rtsp://other/a\r\n", b"Location: /b?c\r\n",
    DIGEST.replace(b"n1", b'n2", stale="true'), b"Session: " + b"a" * 200 + b"\r\n", b"Transport: ;\r\n",
    b"Content-Base: /x\r\n", b"RTP-Info: url=;seq=,,\r\n", b"Session: \x01\r\n", b"Session: \xff\r\n",
)  # fmt: skip
BODIES = (b"", SDP, SDP.replace(b"trackID=0", b"rtsp://h/\xff"), b"m=video 0 RTP/AVP 96\n" * 40)


class Server:
    """Answers what it is asked with anything."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def answer(self, cseq: bytes) -> bytes:
        """Give a response, or less, or more."""
        chance = self.chance
        body = chance.choice(BODIES)
        said = b"RTSP/1.0 %d Said\r\nCSeq: %s\r\n" % (chance.choice(STATUSES), cseq)
        said += b"".join(chance.sample(HEADERS, chance.randint(0, 4)))
        said += b"Content-Length: %d\r\n\r\n" % len(body) + body
        if chance.random() < 0.2:
            at = chance.randint(0, len(said))
            said = said[:at] + chance.randbytes(3) + said[at + chance.randint(0, 3) :]
        extra = (b"", b"", frame(0, b"media"), b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"\r\n")
        return chance.choice(extra) + said + chance.choice(extra)


def _ask(session: ClientSession, chance: random.Random, now: float, events: list[Event]) -> None:
    if any(isinstance(each, Described) for each in events):
        session.play([Offer(0, chance.choice([None, (5000, 5001)]))], now)
    elif chance.random() < 0.1:
        session.keep_alive(now)
    elif chance.random() < 0.1:
        session.media_came()


@pytest.mark.parametrize("publishes", [False, True])
@OFTEN
@given(st.integers(0, 2**64))
def test_nothing_but_the_servers_fault_comes_of_its_answers(publishes: bool, seed: int) -> None:
    server = Server(seed)
    chance, now = server.chance, 0.0
    session = ClientSession(URL, "0" * 16, ClientOptions(ask_options=chance.random() < 0.5))
    session.connected(now)
    if publishes:
        session.announce(SDP, [Offer(0, (5000, 5001)), Offer(1)], now)
    else:
        session.describe(now)
    reconnected = 0
    try:
        for _ in range(30):
            now += chance.choice([0.0, 0.1, 40.0])
            asked = session.outgoing()
            events = session.tick(now)
            if asked and not events:
                cseq = asked.rpartition(b"CSeq: ")[2].partition(b"\r\n")[0]
                said = server.answer(cseq)
                cut = chance.randint(0, len(said))
                events = session.receive(said[:cut], now)
                if not (events and isinstance(events[-1], Reconnect)):
                    events += session.receive(said[cut:], now)
            if events and isinstance(events[-1], Reconnect):
                reconnected += 1
                session.connected(now)
            else:
                _ask(session, chance, now, events)
    except ServerError as error:
        Response(error.status, reason=error.reason).to_bytes()  # it can be told and logged as it is
    assert reconnected <= MAX_REDIRECTS + 1  # and one fall-back


@OFTEN
@given(st.binary(max_size=400))
def test_random_bytes_are_the_servers_fault(data: bytes) -> None:
    session = ClientSession(URL, "0" * 16)
    session.connected(0.0)
    session.describe(0.0)
    with suppress(ServerBroken):
        session.receive(data, 0.0)
