"""Session descriptions for the tests: built for publishers, read for readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

VIDEO = ("video", 96, "H264/90000", "packetization-mode=1;profile-level-id=42C01E")
AUDIO = ("audio", 97, "MPEG4-GENERIC/48000/1", "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3")


def payload_type(track: int) -> int:
    """Return the payload type of a synthetic track: tracks alternate between video and audio."""
    return (VIDEO, AUDIO)[track % 2][1]


def clock_rate(track: int) -> int:
    """Return the RTP clock rate of a synthetic track, in Hz."""
    return (90_000, 48_000)[track % 2]


def build_sdp(controls: Sequence[str | None], *, session_control: str | None = None, connection: str = "") -> bytes:
    """Describe one synthetic track for each control; None leaves its `a=control` line out."""
    lines = ["v=0", "o=- 11 22 IN IP4 192.0.2.77", "s=synthetic", connection or "c=IN IP4 0.0.0.0", "t=0 0"]
    lines += ["a=tool:trunkline tests"]
    if session_control is not None:
        lines.append(f"a=control:{session_control}")
    for track, control in enumerate(controls):
        kind, number, encoding, parameters = (VIDEO, AUDIO)[track % 2]
        lines += [f"m={kind} 0 RTP/AVP {number}", "b=AS:500"]
        lines += [f"a=rtpmap:{number} {encoding}", f"a=fmtp:{number} {parameters}", "a=x-vendor:kept as it is"]
        if control is not None:
            lines.append(f"a=control:{control}")
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Description:
    """What a reader needs of an SDP: session lines, and each track's lines."""

    session: tuple[str, ...]
    medias: tuple[tuple[str, ...], ...]

    @property
    def controls(self) -> tuple[str, ...]:
        """Each track's `a=control`."""
        prefix = "a=control:"
        found = [[line.removeprefix(prefix) for line in media if line.startswith(prefix)] for media in self.medias]
        assert all(len(each) == 1 for each in found), f"a track needs one a=control: {self.medias}"
        return tuple(each[0] for each in found)


def read_sdp(body: bytes) -> Description:
    """Split an SDP at its `m=` lines."""
    lines = body.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    medias = tuple(tuple(lines[start:end]) for start, end in pairwise(starts))
    return Description(tuple(lines[: starts[0]]), medias)
