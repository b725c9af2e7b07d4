"""What is written is read again; whatever is read, nothing but the peer's fault comes of it."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rtsp.auth import BasicCredentials, Challenger, Verdict, parse_authorization
from router.rtsp.control import candidates, content_base, find_track, mount_path, reader_control, track_name
from router.rtsp.errors import PeerError
from router.rtsp.headers.authenticate import parse_challenges
from router.rtsp.headers.range import format_range, parse_range
from router.rtsp.headers.rtp_info import parse_rtp_info
from router.rtsp.headers.session import format_session, parse_session
from router.rtsp.headers.transport import TransportSpec, parse_transports
from router.rtsp.headers.transport import format as format_transport
from router.rtsp.message import Headers, MessageLimits, Request, Response, parse_request, parse_response
from router.rtsp.sdp import description_for_readers, parse_sdp
from router.rtsp.session_state import METHODS, SessionState, allowed, next_state
from router.rtsp.url import RtspUrl, parse_url
from tests.unit.router.rtsp import auth_cases, cases, sdp_cases, url_cases
from tests.unit.router.rtsp.client import server_cases
from tests.unit.router.rtsp.headers import cases as header_cases
from tests.unit.router.rtsp.headers.test_authenticate import CHALLENGES
from tests.unit.router.rtsp.headers.test_rtp_info import RTP_INFOS

LIMITS = MessageLimits(line_bytes=2**20)  # wide: what is refused at once is not fuzzed
RARELY = settings(max_examples=100, deadline=None)
OFTEN = settings(max_examples=300, deadline=None)

# -- what is written is read again -------------------------------------------------------------------------------------

tokens = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0123456789-_.!", min_size=1, max_size=12)
values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(lambda text: text.strip(" \t"))
headers = st.lists(st.tuples(tokens.filter(lambda name: name.lower() not in ("cseq", "content-length")), values))
segments = st.lists(
    st.sampled_from([*"abcXYZ019-_~=&;,:@!äß", "%25", "%2541", "%2f", "%C3%A4", "a\u0308"]), min_size=1, max_size=6
).map("".join)
urls = st.builds(
    RtspUrl,
    host=st.sampled_from(["h", "127.0.0.1", "::1", "example.org"]),
    port=st.none() | st.integers(1, 65535),
    path=st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    query=st.lists(segments, max_size=3).map("/".join),
    scheme=st.sampled_from(["rtsp", "rtsps", "rtspu"]),
)
pairs = st.none() | st.tuples(st.integers(0, 65535), st.integers(0, 65535))
addresses = st.none() | st.sampled_from(["192.0.2.1", "2001:db8::1", "example.org"])
transports = st.builds(
    TransportSpec,
    tcp=st.booleans(),
    multicast=st.booleans(),
    client_port=pairs,
    interleaved=st.none() | st.tuples(st.integers(0, 255), st.integers(0, 255)),
    server_port=pairs,
    port=pairs,
    destination=addresses,
    source=addresses,
    ssrc=st.none() | st.integers(0, 2**32 - 1),
    mode=st.sampled_from([None, "play", "record"]),
    ttl=st.none() | st.integers(0, 255),
)


@RARELY
@given(tokens, urls, st.integers(0, 10**9), headers, st.binary(max_size=50))
def test_requests(method: str, url: RtspUrl, cseq: int, extra: list[tuple[str, str]], body: bytes) -> None:
    length = [("Content-Length", str(len(body)))] if body else []
    request = Request(method, str(url), Headers([("CSeq", str(cseq)), *extra, *length]), body)

    assert parse_request(request.to_bytes(), LIMITS) == request


@RARELY
@given(urls)
def test_urls(url: RtspUrl) -> None:
    assert parse_url(str(url)) == url


@RARELY
@given(st.lists(transports, min_size=1, max_size=4))
def test_transports(specs: list[TransportSpec]) -> None:
    assert parse_transports(", ".join(format_transport(spec) for spec in specs)) == tuple(specs)


@RARELY
@given(st.text("Aa0$-_.+", min_size=1, max_size=128), st.integers(0, 10**9))
def test_sessions(id: str, timeout_s: int) -> None:
    session = parse_session(format_session(id, timeout_s))

    assert (session.id, session.timeout_s) == (id, timeout_s)


@RARELY
@given(urls, st.integers(0, 2))
def test_every_way_to_join_a_control_leads_back_to_its_track(base: RtspUrl, track: int) -> None:
    names = [track_name(index) for index in range(3)]
    joined = [f"{content_base(base)}{'/' if base.query else ''}{names[track]}", f"{base}/{names[track]}"]
    joined.append(reader_control(base, track) if base.query else f"{content_base(base)}{reader_control(base, track)}")
    for text in joined:
        target = parse_url(text)
        found = [
            (mount_path(each), each.query, find_track(each, None, names, target))
            for each in candidates(target)
            if mount_path(each) == mount_path(base)
        ]
        assert found[0] == (mount_path(base), base.query, track)


# -- whatever is read, nothing but the peer's fault comes of it --------------------------------------------------------


def _read_request(data: bytes) -> None:
    request = parse_request(data, LIMITS)
    assert request.cseq.isdigit()
    assert parse_request(request.to_bytes(), LIMITS).headers.get("CSeq") == request.cseq
    assert request.session is None or ";" not in request.session
    parse_url(request.url)


def _read_sdp(data: bytes) -> None:
    description = parse_sdp(data, 8)
    controls = [track_name(index) for index in range(len(description.medias))]
    text = description_for_readers(description, session_id=1, host="192.0.2.1", controls=controls)
    assert [line for line in text.split(b"\r\n") if line.startswith(b"c=")] == [b"c=IN IP4 0.0.0.0"]
    assert [each.control for each in parse_sdp(text, 8).medias] == controls
    find_track(
        parse_url("rtsp://h/a"),
        description.session_control,
        [each.control for each in description.medias],
        parse_url("rtsp://h/a/b?c"),
    )


def _read_authorization(data: bytes) -> None:
    credentials = parse_authorization(_text(data))
    challenger = Challenger("r", b"secret", ("basic", "digest-md5", "digest-sha256"), 60)
    if isinstance(credentials, BasicCredentials):
        challenger.check_basic(credentials, "p")
    else:
        assert challenger.check_digest(credentials, "PLAY", "p", 0) is Verdict.WRONG


def _read_transports(data: bytes) -> None:
    for spec in parse_transports(_text(data)):
        assert all(0 <= port <= 65535 for port in (*(spec.client_port or ()), *(spec.server_port or ())))
        assert all(0 <= channel <= 255 for channel in spec.interleaved or ())


def _read_url(data: bytes) -> None:
    url = parse_url(_text(data))
    assert parse_url(str(url)) == url
    assert len(list(candidates(url))) <= 17


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


PARSERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "request": (_read_request, [case.wire for case in cases.REQUESTS] + [case.wire for case in cases.BAD_REQUESTS]),
    "response": (lambda data: parse_response(data, LIMITS), list(server_cases.READ)),
    "challenges": (lambda data: parse_challenges(_text(data)), [each[0].encode() for each in CHALLENGES]),
    "rtp-info": (lambda data: parse_rtp_info(_text(data)), [each[0].encode() for each in RTP_INFOS]),
    "sdp": (_read_sdp, [case.body for case in sdp_cases.SDPS] + [body for _, body in sdp_cases.BAD_SDPS]),
    "url": (_read_url, [each[0].encode() for each in url_cases.URLS]),
    "authorization": (_read_authorization, [each[0].encode() for each in auth_cases.AUTHORIZATIONS]),
    "transport": (_read_transports, [each[0].encode() for each in header_cases.TRANSPORTS]),
    "session": (lambda data: parse_session(_text(data)), [each[0].encode() for each in header_cases.SESSIONS]),
    "range": (lambda data: format_range(parse_range(_text(data))), [each[0].encode() for each in header_cases.RANGES]),
}
_SPLICES = tuple(each.encode() for each in ("", "\r\n", "\n", "\0", *';,"=:/$', "\uff11", "9" * 400))


def _fuzz(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except PeerError as error:
        # Its reason goes back to the peer as it is.
        Response(error.status, reason=error.reason).to_bytes()


def _mutate(data: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((0, 0, 1, 1, 3, 20)))
        splice = chance.choice((*_SPLICES, chance.randbytes(2), data[: chance.randint(0, 20)]))
        data = data[:start] + splice + data[end:]
    return data


@pytest.mark.parametrize("name", PARSERS)
@OFTEN
@given(data=st.data())
def test_mutated_messages_are_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, seeds = PARSERS[name]
    _fuzz(parse, _mutate(data.draw(st.sampled_from(seeds)), data.draw(st.integers(0, 2**64))))


@pytest.mark.parametrize("name", PARSERS)
@RARELY
@given(data=st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    _fuzz(PARSERS[name][0], data)


@RARELY
@given(st.sampled_from(SessionState), st.lists(st.sampled_from([*METHODS, "X"]), max_size=20))
def test_a_session_never_gets_stuck_without_an_answer(state: SessionState, methods: list[str]) -> None:
    for method in methods:
        if method in allowed(state):
            state = next_state(state, method)
        else:
            with pytest.raises(PeerError):
                next_state(state, method)


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("filler", [b" ", b"\t", b"a", b"@", b"/", b";", b",", b'"', b"=", b"=;", b"?/", b":\r\n"])
def test_no_pattern_makes_a_parser_slow(name: str, filler: bytes) -> None:
    """Behind any delimiter, a lot of anything is read at once; in quadratic time it would take minutes."""
    parse, seeds = PARSERS[name]
    for seed in seeds[:3]:
        ends = [index + 1 for index, byte in enumerate(seed) if byte in b" :;=,/\n"]
        for end in ends[:: max(1, len(ends) // 8)]:
            _fuzz(parse, seed[:end] + filler * (2**17 // len(filler)) + seed[end:])
