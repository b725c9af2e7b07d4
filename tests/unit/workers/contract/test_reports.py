"""Reports at their limits, and one past them."""

from dataclasses import replace

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.codec import UnreadableMessage
from workers.contract.parts import Peer, TrackTransport, UdpTransport
from workers.contract.reports import ConnectionState, MountReport, ReaderState, StateReport, TrackState

TRACK = TrackState(0, 0, 0, 0, 0.0, None)
READER = ReaderState("r", "c", True, 0, 0)
MOUNT = MountReport("/a", 1, "", False, (), ())
CONNECTION = ConnectionState("c", Peer(), b"")
REPORT = StateReport((), (), more=False)
UDP = TrackTransport(0, UdpTransport("192.0.2.1", 5000, 5001))


def of_track(track: TrackState) -> StateReport:
    return of_mount(replace(MOUNT, tracks=(track,)))


def of_mount(mount: MountReport) -> StateReport:
    return replace(REPORT, mounts=(mount,))


def of_connection(connection: ConnectionState) -> StateReport:
    return replace(REPORT, states=(connection,))


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (of_track(replace(TRACK, ssrc=2**32 - 1)), of_track(replace(TRACK, ssrc=2**32))),
        (of_track(replace(TRACK, jitter=1e9)), of_track(replace(TRACK, jitter=1e9 + 1))),
        (of_track(replace(TRACK, lost=0)), of_track(replace(TRACK, lost=-1))),
        (of_mount(replace(MOUNT, tracks=(TRACK,) * 32)), of_mount(replace(MOUNT, tracks=(TRACK,) * 33))),
        (
            of_mount(replace(MOUNT, readers=(replace(READER, corrected=(UDP,) * 32),))),
            of_mount(replace(MOUNT, readers=(replace(READER, corrected=(UDP,) * 33),))),
        ),
        (
            of_connection(replace(CONNECTION, unanswered=(b"r",) * 64)),
            of_connection(replace(CONNECTION, unanswered=(b"r",) * 65)),
        ),
        (
            of_connection(replace(CONNECTION, broken_status=599)),
            of_connection(replace(CONNECTION, broken_status=600)),
        ),
        (replace(REPORT, lent_ports=(0,) * 32_768), replace(REPORT, lent_ports=(0,) * 32_769)),
        (replace(REPORT, listeners=("l",) * 16), replace(REPORT, listeners=("l",) * 17)),
        (replace(REPORT, connections=("c",) * 100_000), replace(REPORT, connections=("c",) * 100_001)),
    ],
)
def test_a_report_at_its_limit_arrives_and_one_past_it_does_not(limit: StateReport, past: StateReport) -> None:
    assert arrived(limit) == limit
    with pytest.raises(UnreadableMessage):
        arrived(past)
