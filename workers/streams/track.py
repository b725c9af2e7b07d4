"""One track of a mount: the parts that its publisher, its readers and its taps work with."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from workers.channel import Kind
from workers.contract.image import TrackImage
from workers.rtp.access_points import AccessPoints
from workers.runtime.resources import Resources
from workers.streams.feedback import Feedback, ReplicaFeedback
from workers.streams.outputs import Outputs, SessionSink
from workers.streams.stream import Stream


@dataclass(frozen=True, slots=True, eq=False)
class MountTrack:
    """`replicas` are the taps that other workers fan out."""

    index: int
    stream: Stream
    feedback: Feedback
    replicas: list[SessionSink] = field(default_factory=list)

    def port_key(self, kind: Kind) -> int:
        """Name one of its two ports among those of the mount."""
        return 2 * self.index + kind


def make_tracks(
    states: Sequence[TrackImage], sockets: Sequence[socket.socket], resources: Resources, *, replica: bool
) -> list[MountTrack]:
    """Make a mount's tracks around their states, with their sockets: RTP before RTCP."""
    tracks = []
    for index, state in enumerate(states):
        access_points = AccessPoints({each.payload_type: each.encoding for each in state.spec.formats})
        outputs = (
            Outputs(sockets[2 * index], resources, access_points),
            Outputs(sockets[2 * index + 1], resources),
        )
        stream = Stream(state, outputs, resources)
        feedback = (ReplicaFeedback if replica else Feedback)(stream, resources.counters)
        tracks.append(MountTrack(index, stream, feedback))
    return tracks
