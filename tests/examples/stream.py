"""A program that publishes a stream of its own: a beep, for whoever wants to hear it."""

import asyncio
import struct

from router import Server, ServerStream
from router.description import G711, Media, SessionDescription

SOUND = Media("audio", [G711(payload_type=0, mu_law=True)])
BEEP = (b"\x20" * 10 + b"\xa0" * 10) * 8  # 400 Hz at 8,000 samples a second: 20 ms


async def beep(stream: ServerStream) -> None:
    began = asyncio.get_running_loop().time()
    for number in range(1 << 16):
        header = struct.pack("!BBHII", 0x80, 0, number, number * len(BEEP), 1)
        stream.write_packet_rtp(SOUND, header + BEEP)
        await asyncio.sleep(began + (number + 1) * 0.02 - asyncio.get_running_loop().time())


async def main() -> None:
    server = Server(publish_port=5554, client_port=6554)
    stream = ServerStream(server, SessionDescription([SOUND], title="Beep"), "/beep")
    async with server:  # the stream is open when the first client is let in
        print("ready", server.client_url + "/beep", flush=True)
        await beep(stream)


if __name__ == "__main__":
    asyncio.run(main())
