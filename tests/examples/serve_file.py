"""A file for all readers: `python serve_file.py movie.mp4`. Shown in the README."""

import asyncio
import sys

from router import FileStream, Server


async def main() -> None:
    server = Server(publish_port=5554, client_port=6554)
    FileStream(server, sys.argv[1], "/movie", loop=True)
    async with server:  # the stream is open when the first client is let in
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
