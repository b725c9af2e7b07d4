"""RTP packets from frames, made by FFmpeg's RTP muxer."""

from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from router.files.errors import FileBroken

PACKET_BYTES = 1400
"""A packet with the headers of RTP; with those of UDP, IPv6 and a tunnel it still fits into an Ethernet frame."""
_DTS_START = -(1 << 40)
"""RTP knows no decoding times, and the muxer wants them in order and before the pts: a count from far below."""


def template_stream(muxer: OutputContainer, template: Stream, extradata: bytes) -> Stream:
    """Add a stream as `template` to a muxer; `extradata` sets up its decoder.

    Raises:
        FFmpegError, ValueError: the muxer doesn't take it.
    """
    stream = muxer.add_stream_from_template(template, opaque=True)
    stream.codec_context.extradata = extradata or None
    return stream


class Packetiser:
    """Makes packets of one stream: its sequence numbers and timestamps go on for as long as it lives.

    It may be used by one thread at a time.
    """

    def __init__(self, template: Stream, payload_type: int, extradata: bytes) -> None:
        """Make packets of what `template` describes; `extradata` sets up its decoder.

        Raises:
            FileBroken: FFmpeg's muxer doesn't take it.
        """
        self._sink = _Sink()
        options = {
            "packetsize": str(PACKET_BYTES),
            "payload_type": str(payload_type),
            "rtpflags": "skip_rtcp",
            "avoid_negative_ts": "disabled",
            "strict": "experimental",  # its word for VP9 and AV1, whose payload formats were drafts once
        }
        try:
            self._muxer = av.open(self._sink, "w", format="rtp", container_options=options)
            self._stream = template_stream(self._muxer, template, extradata)
            self._muxer.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise FileBroken(f"stream #{template.index} can't be sent over RTP: {error}") from error
        assert self._stream.time_base is not None  # the muxer has set it
        self._tick = self._stream.time_base
        self._count = 0
        self._zero: int | None = None
        self._first_ticks = 0

    def packetise(self, frame: "Packet[Any]", time: Fraction) -> tuple[list[bytes], Fraction]:
        """Give the packets that are ready after this frame, and the time that the last one's RTP timestamp stands for.

        Those of some audio are ready one frame later, `time` is in seconds.

        Raises:
            FileBroken: FFmpeg's muxer doesn't take the frame.
        """
        ticks = round(time / self._tick)
        frame.stream, frame.time_base, frame.pts = self._stream, self._tick, ticks
        frame.dts = _DTS_START + self._count
        self._first_ticks = ticks if self._count == 0 else self._first_ticks
        self._count += 1
        try:
            self._muxer.mux(frame)
        except av.FFmpegError as error:
            raise FileBroken(f"a frame at {float(time):.3f} s can't be sent over RTP: {error.strerror}") from error
        packets = self._sink.take()
        if not packets:
            return packets, time
        if self._zero is None:  # the muxer starts anywhere (RFC 3550 5.1)
            self._zero = int.from_bytes(packets[0][4:8]) - self._first_ticks
        timestamp = int.from_bytes(packets[-1][4:8])
        late = (timestamp - self._zero - ticks + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        return packets, time + late * self._tick

    def close(self) -> None:
        self._muxer.close()


class _Sink:
    """What the muxer takes for a file: it writes one packet at a time."""

    def __init__(self) -> None:
        self._packets: list[bytes] = []

    def write(self, packet: bytes) -> int:
        self._packets.append(packet)
        return len(packet)

    def take(self) -> list[bytes]:
        """Give what was written since the last time."""
        packets, self._packets = self._packets, []
        return packets
