"""Reads `/camera`, draws a bar that moves on every picture, and publishes that as `/drawn`. Shown in the README."""

import asyncio
from fractions import Fraction
from threading import Thread

import av

from router import MountOpenContext, OnMountOpen, Server, ServerStream
from router.description import H264, Media, SessionDescription

PICTURE = Media("video", [H264(payload_type=96, packetization_mode=1)])


class Packets:
    """A file for FFmpeg's RTP muxer, which writes one packet at a time."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, packet: bytes) -> int:
        self.written.append(packet)
        return len(packet)


def draw(picture: av.VideoFrame, number: int) -> None:
    luma = picture.planes[0]
    rows, width = bytearray(luma), luma.line_size
    bar = number * 4 % picture.height
    for row in range(bar, min(bar + 8, picture.height)):
        rows[row * width : (row + 1) * width] = b"\xeb" * width
    luma.update(bytes(rows))


def work(url: str, stream: ServerStream, loop: asyncio.AbstractEventLoop) -> None:
    packets = Packets()
    options = {"payload_type": "96", "packetsize": "1400", "rtpflags": "skip_rtcp"}
    with (
        av.open(url, options={"rtsp_transport": "tcp"}) as source,
        av.open(packets, "w", format="rtp", container_options=options) as muxer,
    ):
        camera = source.streams.video[0]
        rate = camera.average_rate or 25
        encoder = muxer.add_stream("libx264", rate, options={"preset": "veryfast", "tune": "zerolatency", "g": "25"})
        encoder.width, encoder.height, encoder.pix_fmt = camera.width, camera.height, "yuv420p"
        for number, decoded in enumerate(source.decode(video=0)):
            picture = decoded.reformat(format="yuv420p")
            draw(picture, number)
            picture.pts = number
            picture.time_base = 1 / Fraction(rate)
            muxer.mux(encoder.encode(picture))
            burst, packets.written = packets.written, []
            loop.call_soon_threadsafe(stream.write_packets_rtp, PICTURE, burst)


class Drawing(OnMountOpen):
    def on_mount_open(self, context: MountOpenContext, /) -> None:
        if context.session.path == "/camera":
            url = f"{context.server.client_url}/camera"
            Thread(target=work, args=(url, self.stream, self.loop), daemon=True).start()

    stream: ServerStream
    loop: asyncio.AbstractEventLoop


async def main() -> None:
    handler = Drawing()
    server = Server(handler=handler, publish_port=5554, client_port=6554)
    handler.stream = ServerStream(server, SessionDescription([PICTURE], title="Drawn"), "/drawn")
    handler.loop = asyncio.get_running_loop()
    async with server:
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
