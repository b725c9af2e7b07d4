"""Every published stream, recorded to disk: `python record.py DIRECTORY`. Shown in the README."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import av

from router import MountOpenContext, OnMountOpen, Server


class Recorder(OnMountOpen):
    def on_mount_open(self, context: MountOpenContext, /) -> None:
        path = context.session.path
        file = Path(sys.argv[1]) / f"{path.strip('/').replace('/', '-')}.mkv"
        Thread(target=record, args=(f"{context.server.client_url}{path}", file), daemon=True).start()


def record(url: str, file: Path) -> None:
    with av.open(url, options={"rtsp_transport": "tcp"}) as source, av.open(file, "w") as target:
        streams = {each.index: target.add_stream_from_template(each, opaque=True) for each in source.streams}
        with suppress(av.FFmpegError):  # the publisher has left
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream_index]
                    target.mux(packet)


async def main() -> None:
    async with Server(handler=Recorder(), publish_port=5554, client_port=6554) as server:
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
