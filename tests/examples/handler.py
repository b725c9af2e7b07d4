"""A relay whose program decides who publishes what, and hears who came and went."""

import asyncio

from router import (
    AnnounceContext,
    Answer,
    DescribeContext,
    OnAnnounce,
    OnDescribe,
    OnPacketsLost,
    OnSessionClose,
    PacketsLostContext,
    Response,
    Server,
    SessionCloseContext,
    StreamAnswer,
)


class Cameras(OnAnnounce, OnDescribe, OnSessionClose, OnPacketsLost):
    async def on_announce(self, context: AnnounceContext, /) -> Answer:
        if not context.path.startswith("/cameras/"):
            return 403
        response = await context.default()  # what the server does without a handler
        print("announced:", context.path, response.status)
        return response

    async def on_describe(self, context: DescribeContext, /) -> StreamAnswer:
        if context.path == "/old":
            return Response(302, (("Location", f"{context.server.client_url}/cameras/new"),))
        return None  # as without a handler

    def on_session_close(self, context: SessionCloseContext, /) -> None:
        print("left:", context.session.role, context.session.path, context.reason)

    def on_packets_lost(self, context: PacketsLostContext, /) -> None:
        print("lost:", context.session.path, context.packets)


async def main() -> None:
    async with Server(handler=Cameras(), publish_port=5554, client_port=6554) as server:
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
