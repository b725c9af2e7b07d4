"""Images of what moves: packed by one worker, read by another that may be a version ahead or behind."""

from collections import deque
from dataclasses import replace

import msgpack
import pytest

from workers.contract.codec import ContractError
from workers.contract.image import (
    PACKER,
    CatchingUpImage,
    ConnectionImage,
    DeliveryImage,
    FeedImage,
    GroupImage,
    Image,
    MountImage,
    NtpShift,
    Offsets,
    PipeImage,
    PortImage,
    PublisherImage,
    QueuedImage,
    ReaderImage,
    ReaderTrackImage,
    ReceptionImage,
    ReplicaImage,
    ReportsImage,
    SenderImage,
    SourceImage,
    StreamEnd,
    SuccessionImage,
    TapImage,
    TrackImage,
    UnansweredRequest,
    UnwrittenImage,
    WaitingImage,
)
from workers.contract.messages import PROTOCOL_VERSION
from workers.contract.parts import Format, Peer, TrackSpec, TrackTransport, UdpTransport

UDP = TrackTransport(0, UdpTransport("192.0.2.1", 5000, 5001))
PORT = PortImage(SourceImage(b"a" * 16, True, None), 3, (WaitingImage(1.5, b"runs", 2, 2, ("r", "")),))
TRACK = TrackImage(
    spec=TrackSpec((Format(96, 90_000),)),
    rtp_port=10_000,
    reports=ReportsImage("cname", 1, 2, 3.0, None, b"report"),
    rtp=PORT,
    rtcp=PORT,
    packets_in=1,
    bytes_in=2,
    not_rtp=3,
    wrong_payload_type=4,
    reception=ReceptionImage(b"ssrc", 1, -2, 3, 4, 5, None, -0.5, 0.25, 6.0, 7, 8, 9.0, True, 90_000, 10, 11),
    succession=SuccessionImage(
        StreamEnd(1, 2, 3, 4.0, 90_000, 2**64 - 1, 5, 6, 7), NtpShift(8), Offsets(9, 10, 11, 12), True, b"held"
    ),
    report_at=4.0,
    group=GroupImage(DeliveryImage(address=b"g"), DeliveryImage(-1, 2, b"h", True, True)),
)
READER_TRACK = ReaderTrackImage(
    UDP, DeliveryImage(5, 1, b"a", True, False, CatchingUpImage(1.0, 2, 3, -1, None)), DeliveryImage(), -1
)
MOUNT = MountImage(
    path="/a",
    generation=1,
    tracks=(TRACK,),
    silent=False,
    reading=True,
    record=b"record",
    last_publisher="p",
    last_record=b"record",
    streams=b"streams",
    publisher=PublisherImage("p", "d", "", None, b"record", (UDP,)),
    readers=(ReaderImage("r", "c", "c", True, False, 1.0, b"record", (READER_TRACK,), 7, 8, 9),),
    taps=(TapImage("t", PipeImage(deque([b"burst"]), 3), (0, 1), True),),
)
PROGRAM = FeedImage(
    "f", PipeImage(deque(), 3), [SenderImage("f", b"ssrc", 1, -2, 3, 1.8e9, None, 4.0, 8000, 5.0), None]
)
FED = replace(MOUNT, publisher=PROGRAM)
REPLICA = ReplicaImage("/r", 1, (TRACK,), PROGRAM, b"record", MOUNT.readers)
CONNECTION = ConnectionImage(
    name="c",
    peer=Peer("192.0.2.1", 40_000, "192.0.2.2"),
    record=b"record",
    unanswered=[UnansweredRequest(b"OPTIONS", 7)],
    half_closed=True,
    unread=b"un",
    unwritten=UnwrittenImage(b"tail", b"resp", (QueuedImage(b"$", 1, True),), 1, 2, 3.0),
)
IMAGE = Image((MOUNT, FED, REPLICA), (CONNECTION,))


def test_an_image_survives_the_way() -> None:
    assert PACKER.unpack(PACKER.pack(IMAGE)) == IMAGE


def test_a_neighbours_image_is_understood_and_a_strangers_is_not() -> None:
    version, fields = msgpack.unpackb(PACKER.pack(IMAGE))
    assert version == PROTOCOL_VERSION
    fields["new_in_the_next_version"] = 1
    assert PACKER.unpack(msgpack.packb([version + 1, fields])) == IMAGE
    for spoilt in ([version + 2, fields], [version], [version, {}], [version, {**fields, "mounts": [1]}], 5):
        with pytest.raises(ContractError):
            PACKER.unpack(msgpack.packb(spoilt))
    with pytest.raises(ContractError):
        PACKER.unpack(b"\xc1")


def test_what_is_out_of_bounds_is_refused() -> None:
    mount = IMAGE.mounts[0]
    with pytest.raises(ContractError):
        PACKER.unpack(PACKER.pack(replace(IMAGE, mounts=(replace(mount, path="/" + "a" * 2048),))))
