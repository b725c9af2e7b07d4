"""Settings of what peers can make grow."""

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from router.settings.bounds import Maximum, MessageBytes
from workers.contract.parts import MAX_TRACKS
from workers.framing import FramingLimits


class Limits(BaseModel):
    """What peers can make grow, and how far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: Maximum = Field(default=10_000, description="RTSP connections in all; one more is closed at once")
    connections_per_host: StrictInt = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="RTSP connections from one host; 0 is no limit (many viewers share a NAT)",
    )
    sessions: Maximum = Field(
        default=10_000, description="sessions, publishers and readers together; one more gets 503"
    )
    # A client has one, ffmpeg two while it changes its transport; a proxy for several viewers has a few.
    sessions_per_connection: Maximum = Field(
        default=32, description="sessions begun on one connection; one more gets 503"
    )
    max_readers: Maximum = Field(default=10_000, description="readers of all mounts together; one more gets 503")
    max_readers_per_mount: StrictInt = Field(
        default=0, ge=0, le=1_000_000, description="readers of one mount; one more gets 503; 0 is no limit"
    )
    mounts: Maximum = Field(default=5_000, description="mounts; one more gets 503")
    line_bytes: MessageBytes = Field(default=8_192, description="request line (414) or one header line (413)")
    head_bytes: MessageBytes = Field(default=32_768, description="request line and headers together (413)")
    headers: StrictInt = Field(default=100, ge=10, le=10_000, description="header lines in one request (413)")
    body_bytes: MessageBytes = Field(default=65_536, description="body of one request, such as an SDP (413)")
    pipelined_requests: StrictInt = Field(
        default=64, ge=1, le=10_000, description="requests waiting on one connection; one more gets 503 and ends it"
    )
    tracks: StrictInt = Field(default=16, ge=1, le=MAX_TRACKS, description="tracks of one mount (400)")

    @property
    def framing(self) -> FramingLimits:
        """How the bytes of a connection are bounded, here and on the workers."""
        return FramingLimits(line_bytes=self.line_bytes, head_bytes=self.head_bytes, body_bytes=self.body_bytes)
