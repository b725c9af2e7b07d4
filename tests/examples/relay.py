"""A relay: what is published at a path is read at the same path. Shown in the README."""

import asyncio

from router import Server


async def main() -> None:
    async with Server(publish_port=5554, client_port=6554, workers=2) as server:
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
