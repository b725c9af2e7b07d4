"""Records survive from one front to the next, whichever of the two is newer."""

from dataclasses import fields

import msgpack
import pytest

from router.connections.transfer import CONNECTION, ConnectionRecord
from router.state.records import MOUNT, SESSION, MountRecord, SessionRecord
from workers.contract.codec import ContractError
from workers.contract.messages import PROTOCOL_VERSION
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport

TRANSPORTS = (
    TrackTransport(0, UdpTransport("192.0.2.1", 5000, 5001)),
    TrackTransport(1, InterleavedTransport(2, 3)),
    TrackTransport(2, MulticastTransport("192.0.2.1", "239.1.2.3", 5004, 5005, 1, "")),
)
MOUNT_RECORD = MountRecord(b"v=0\r\nm=video 0 RTP/AVP 96\r\n", 12.5, 13.0, "npt=0.000-", counted=((1, 2, 3), (4, 5, 6)))
SESSION_RECORD = SessionRecord("192.0.2.1", "rtsp://h/cam", "änn", 60, 1.5, TRANSPORTS, 7, ("239.1.2.3",))
CONNECTION_RECORD = ConnectionRecord("both")


def test_a_record_comes_back_as_it_was() -> None:
    assert MOUNT.unpack(MOUNT.pack(MOUNT_RECORD)) == MOUNT_RECORD
    assert SESSION.unpack(SESSION.pack(SESSION_RECORD)) == SESSION_RECORD
    assert CONNECTION.unpack(CONNECTION.pack(CONNECTION_RECORD)) == CONNECTION_RECORD


def test_a_neighbour_s_record_is_understood() -> None:
    version, content = msgpack.unpackb(SESSION.pack(SESSION_RECORD))
    assert version == PROTOCOL_VERSION
    later = msgpack.packb([version + 1, content | {"of_the_next_version": [1]}])
    assert SESSION.unpack(later) == SESSION_RECORD
    del content["groups"]
    assert SESSION.unpack(msgpack.packb([version - 1, content])).groups == ()


@pytest.mark.parametrize("name", [each.name for each in fields(SessionRecord) if each.name != "groups"])
def test_a_record_without_what_it_needs_is_none(name: str) -> None:
    version, content = msgpack.unpackb(SESSION.pack(SESSION_RECORD))
    del content[name]
    with pytest.raises(ContractError):
        SESSION.unpack(msgpack.packb([version, content]))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"x" * 100, msgpack.packb([PROTOCOL_VERSION + 2, {}])])
def test_garbage_is_no_record(data: bytes) -> None:
    for packer in (MOUNT, SESSION, CONNECTION):
        with pytest.raises(ContractError):
            packer.unpack(data)
