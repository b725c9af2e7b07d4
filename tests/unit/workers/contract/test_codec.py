"""Messages survive the wire; nothing else gets in."""

from dataclasses import MISSING, fields, replace
from typing import Any, get_args

import msgpack
import pytest

from workers.contract import messages
from workers.contract.administration import AdminAnswer, AdminCommand, StatusAnswer, StatusQuery
from workers.contract.codec import ContractError, Envelope, decode, encode
from workers.contract.commands import (
    AttachFeed,
    AttachTap,
    CloseMount,
    DetachTap,
    ExportMounts,
    ForgetConnections,
    ForgetMove,
    ForgetNotes,
    ImportMounts,
    KeepListeners,
    KeepNote,
    LendPorts,
    OfferReplica,
    OpenMount,
    OpenReplica,
    PauseReader,
    Play,
    Record,
    ReleaseConnection,
    RemoveReader,
    ReportState,
    Respond,
    ResumeExported,
    SetUpReader,
    StartImported,
    StopPublisher,
    Welcome,
)
from workers.contract.events import (
    ChannelEnded,
    ConnectionClosed,
    DrainWanted,
    FiguresChanged,
    Heartbeat,
    Hello,
    MediaHeard,
    MediaSilent,
    ReaderCorrected,
    RequestReceived,
    SessionHeard,
    SessionTrouble,
    StreamBroken,
    StreamsFollow,
)
from workers.contract.messages import PROTOCOL_VERSION, Message
from workers.contract.parts import (
    Format,
    HandOff,
    InterleavedTransport,
    MountName,
    MulticastTransport,
    Peer,
    Refusal,
    RtpInfo,
    TrackSpec,
    TrackTransport,
    UdpTransport,
)
from workers.contract.replies import (
    Done,
    Entangled,
    Exported,
    MountOpened,
    Playing,
    ReaderSetUp,
    Refused,
    Released,
    ReplicaOffered,
)
from workers.contract.reports import ConnectionState, MountFigures, MountReport, ReaderState, StateReport, TrackState

UDP = TrackTransport(0, UdpTransport("2001:db8::1", 5000, 5001))
TCP = TrackTransport(1, InterleavedTransport(2, 3))
MULTICAST = TrackTransport(2, MulticastTransport("192.0.2.7", "239.1.2.3", 5004, 5005, 1, "eth0"))
MESSAGES: list[Message] = [
    Welcome(10_000, 5_000, "", 0.5, 60.0, 2.0, 10.0, 2_000_000, 15.0, 0.001, 2.0, 8192, 32768, 65536, (10_002,)),
    OpenMount("/a", 1, (TrackSpec((Format(96, 90_000), Format(0, 8_000))), TrackSpec((), back_channel=True))),
    OpenMount("/a", 1, (TrackSpec(()), TrackSpec(())), (10_000, 10_002), b"streams"),
    OpenMount("/a", 1, (TrackSpec(()),), (10_000,), b"streams", b"mount", "s", b"session"),
    StreamsFollow("/a", 1, b"streams"),
    OpenMount("/a", 1, (TrackSpec(()),), (10_000,), b"streams", b"mount", "s", b"session"),
    CloseMount("/a", 1),
    StopPublisher("/a", 1, "s"),
    Record("/a", 1, "s", "c", None, (UDP,), b"RTSP/1.0 200 OK\r\n\r\n", b"mount", b"session"),
    AttachFeed("/a", 1, "s", "t"),
    AttachTap("/a", 1, "n", "", (0, 1), readers=True),
    DetachTap("/a", 1, "n"),
    OfferReplica("/a", 1, "n"),
    OpenReplica("replica:n:/a", 1, "n", b"image", b"record"),
    ReplicaOffered(b"image", 5),
    SetUpReader("/a", 1, "s", TCP),
    SetUpReader("/a", 1, "s", MULTICAST),
    SetUpReader("/a", 1, "s", UDP, elsewhere=True),
    Play(
        "/a",
        1,
        "s",
        "c",
        HandOff("t", Peer("2001:db8::1", 40_000, "2001:db8::2"), b"left", b"", b"record"),
        (UDP, TCP, MULTICAST),
        b"RTSP/1.0 200 OK\r\n",
        ("u0", "u1"),
    ),
    PauseReader("/a", 1, "s"),
    RemoveReader("/a", 1, "s"),
    Respond("c", b"", close=True),
    ReleaseConnection("c"),
    ForgetConnections(("c1", "c2")),
    KeepNote("session s", b"told"),
    ForgetNotes(("session s",)),
    KeepListeners(("publish", "client"), "t"),
    LendPorts((10_000, 10_002)),
    ReportState(),
    ReportState("/a"),
    ExportMounts("m", (MountName("/a", 1),), ("c",)),
    ImportMounts("m", b"image"),
    StartImported("m"),
    ResumeExported("m"),
    ForgetMove("m"),
    Exported(b"image", ("/a",), ("c",), 4),
    Entangled(("/a", "/b"), ("c",)),
    Done(),
    Refused(Refusal.NO_PORTS, "none left"),
    MountOpened((10_000, 10_002)),
    ReaderSetUp(None),
    ReaderSetUp(2**32 - 1),
    Playing((RtpInfo(0, 65_535, 2**32 - 1), RtpInfo(1, None, None))),
    Released(b"x", b"y"),
    StateReport(
        (
            MountReport(
                "/a",
                1,
                "s",
                False,
                (TrackState(1, 2, 3, 4, 5.5, 6),),
                (ReaderState("r", "c", True, 7, 8, b"r", (UDP,)),),
            ),
        ),
        ("c",),
        more=False,
        lent_ports=(10_000,),
        states=(
            ConnectionState("c", Peer("192.0.2.1", 1, "192.0.2.2"), b"record", (b"OPTIONS * RTSP/1.0\r\n\r\n",)),
            ConnectionState("d", Peer(), b"", (), 413, "too long", "closed by the peer", unserved=True),
        ),
        token="t",
        listeners=("publish",),
        listeners_token="u",
    ),
    Hello(0, 4711, "0.1"),
    Heartbeat(
        1, 2, 3, 4, 5, 6, (("queue_full", 7),), 12.5, 0.25, 8, 9, draining=False, busiest="/a", busiest_share=0.5
    ),
    FiguresChanged((MountFigures("/a", 1, (TrackState(1, 2, 3, 4, 5.5, None),), (("r", 7),)),)),
    DrainWanted(5.0),
    RequestReceived("c", b"OPTIONS * RTSP/1.0\r\n\r\n"),
    StreamBroken("c", 413, "too long"),
    ConnectionClosed("c", "closed by the peer"),
    ConnectionClosed("c", "it read nothing", unserved=True),
    MediaHeard("/a", 1),
    MediaSilent("/a", 1),
    ChannelEnded("/a", 1, "n", "closed by the other end"),
    SessionHeard("s"),
    ReaderCorrected("s", UDP),
    SessionTrouble("s", 3, 2, 1),
    StatusQuery(),
    StatusAnswer("{}"),
    AdminCommand("move", ("/a", "1")),
    AdminAnswer(True, "half of it", more=True),
]


def wire(message: Message) -> list[Any]:
    """Give what is on the wire, to be spoilt."""
    unpacked: list[Any] = msgpack.unpackb(encode(Envelope("front", "worker", 7, message)))
    return unpacked


def test_the_table_is_complete() -> None:
    assert {type(each) for each in MESSAGES} == set(get_args(messages.Message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_a_message_survives_the_wire(message: Message) -> None:
    envelope = Envelope("front", "worker", 7, message)
    assert decode(encode(envelope)) == envelope


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_unknown_fields_are_ignored_and_missing_ones_are_not_unless_they_are_newer(message: Message) -> None:
    later = wire(message)
    later[0] = PROTOCOL_VERSION + 1
    later[5]["new_in_the_next_version"] = [1, {"a": None}]
    assert decode(msgpack.packb(later)).message == message
    for each in fields(message):
        poorer = wire(message)
        del poorer[5][each.name]
        if each.default is not MISSING:  # the version before had no such field
            assert getattr(decode(msgpack.packb(poorer)).message, each.name) == each.default
            continue
        with pytest.raises(ContractError):
            decode(msgpack.packb(poorer))


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (CloseMount("/a", 1), "path", 5),
        (CloseMount("/a", 1), "path", b"/a"),
        (CloseMount("/a", 1), "generation", True),
        (CloseMount("/a", 1), "generation", 1.0),
        (Respond("c", b"", close=False), "close", 1),
        (Refused(Refusal.STALE, ""), "cause", "no-such-cause"),
        (MountOpened((1,)), "rtp_ports", {"0": 1}),
        (SetUpReader("/a", 1, "s", TCP), "transport", {"track": 0, "transport": ["Done", {}]}),
        (SetUpReader("/a", 1, "s", TCP), "transport", {"track": 0, "transport": None}),
        (SetUpReader("/a", 1, "s", TCP), "transport", {"track": 0, "transport": ["MulticastTransport", {"ttl": 1}]}),
        (Record("/a", 1, "s", "c", None, (), b""), "handoff", [1, 2]),
        (Heartbeat(1, 2, 3, 4, 5, 6, (), 1.0, 1.0, 8, 9, draining=False), "cpu_percent", float("nan")),
        (Heartbeat(1, 2, 3, 4, 5, 6, (), 1.0, 1.0, 8, 9, draining=False), "drops", [["a"]]),
    ],
)
def test_what_is_out_of_bounds_is_malformed(message: Message, field: str, value: Any) -> None:
    spoilt = wire(message)
    spoilt[5][field] = value
    with pytest.raises(ContractError):
        decode(msgpack.packb(spoilt))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91" * 5000,  # nested deeper than any stack
        msgpack.packb(5),
        msgpack.packb([]),
        msgpack.packb([PROTOCOL_VERSION + 2, "Done", "", "", 0, {}]),
        msgpack.packb([PROTOCOL_VERSION, "NoSuchMessage", "", "", 0, {}]),
        msgpack.packb([PROTOCOL_VERSION, ["Done"], "", "", 0, {}]),
        msgpack.packb([PROTOCOL_VERSION, "Done", "", "", -1, {}]),
        msgpack.packb([PROTOCOL_VERSION, "Done", "f" * 129, "", 0, {}]),
        msgpack.packb([PROTOCOL_VERSION, "Done", "", "", 0, []]),
        msgpack.packb([PROTOCOL_VERSION, "Done", "", "", 0, {}]) + b"x",
    ],
)
def test_garbage_is_malformed(data: bytes) -> None:
    with pytest.raises(ContractError):
        decode(data)


def test_a_message_is_frozen() -> None:
    message = CloseMount("/a", 1)
    assert replace(message, generation=2) != message
    with pytest.raises(AttributeError):
        message.generation = 2  # type: ignore[misc]  # the point of the test
