"""Two servers in one program: one inside, for cameras and guards, one outside, for films. Shown in the README."""

import asyncio
import sys

from router import FileStream, Server


async def main() -> None:
    inside = Server(publish_port=5554, client_port=6554, rtp_port_start=10_000, rtp_port_count=1000, workers=1)
    outside = Server(publish_port=7554, client_port=8554, rtp_port_start=11_000, rtp_port_count=1000, workers=1)
    FileStream(outside, sys.argv[1], "/movie", loop=True)
    async with inside, outside:
        print("ready", inside.publish_url, inside.client_url, outside.client_url, flush=True)
        await inside.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
