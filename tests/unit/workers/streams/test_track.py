"""A track's parts belong together: its sockets, its kinds of packets, its place in the mount."""

import pytest

from tests.support.worker_parts import Parts, sockets
from workers.channel import Kind
from workers.streams.feedback import Feedback, ReplicaFeedback
from workers.streams.track import make_tracks


@pytest.mark.parametrize(("replica", "feedback"), [(False, Feedback), (True, ReplicaFeedback)])
def test_each_track_has_two_sockets_and_ports_of_its_own(replica: bool, feedback: type[Feedback]) -> None:
    parts, (_, pairs) = Parts(), sockets(6)
    states = [parts.track_state(10_000 + 2 * index) for index in range(3)]
    tracks = make_tracks(states, pairs, parts.resources, replica=replica)
    assert [output.sock for track in tracks for output in track.stream.outputs] == pairs
    assert [track.port_key(kind) for track in tracks for kind in (Kind.RTP, Kind.RTCP)] == [0, 1, 2, 3, 4, 5]
    assert [each.stream.state for each in tracks] == states
    assert {type(each.feedback) for each in tracks} == {feedback}
