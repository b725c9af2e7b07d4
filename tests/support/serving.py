"""A server in this process, in an event loop on a thread of its own: tests stay plain functions."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from router import Server
from tests.support.ports import PortSlice

Result = TypeVar("Result")
START_S = 30.0


class Served:
    """A server that runs, and its loop."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop

    def publish(self, path: str) -> str:
        """Give the URL to publish at."""
        return f"{self.server.publish_url}{path}"

    def read(self, path: str) -> str:
        """Give the URL to read from."""
        return f"{self.server.client_url}{path}"

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the server's loop, and give what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(START_S)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in the server's loop."""

        async def work() -> Result:
            return function(*arguments)

        return self.run(work())


@contextmanager
def serving(handler: Any = None, **values: Any) -> Iterator[Served]:
    """Run a server with one worker; everything of it is gone afterwards."""
    with PortSlice.claim() as ports:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="server-under-test")
        thread.start()
        try:
            settings = {"workers": 1, "rtp_port_start": ports.media_start, "rtp_port_count": ports.media_count}
            server = Server(handler=handler, publish_port=0, client_port=0, **{**settings, **values})
            served = Served(server, loop)
            try:
                served.run(server.start())
                yield served
            finally:
                served.run(server.close())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(START_S)
            assert not thread.is_alive()
            loop.close()
