"""DESCRIBE: what there is at a path."""

from router.handlers.contexts import DescribeContext
from router.requests.exchange import BACK_CHANNEL, Exchange, required
from router.requests.method import Method
from router.rtsp.control import content_base, reader_control
from router.rtsp.message import Response
from router.rtsp.sdp import description_for_readers
from router.rtsp.url import RtspUrl
from router.state.sessions import Role


class Describe(Method):
    """Describes what is published, or what a handler offers."""

    handler = "on_describe"
    context = DescribeContext

    def role(self, exchange: Exchange) -> Role:
        return Role.READER

    def about(self, exchange: Exchange) -> RtspUrl:
        return exchange.target

    def needs_mount(self, exchange: Exchange) -> bool:
        return True

    async def run(self, exchange: Exchange) -> Response:
        mount, url = exchange.found, exchange.target
        body = description_for_readers(
            mount.description,
            session_id=mount.generation,
            version=mount.description_version,
            host=exchange.connection.local_host,
            controls=[reader_control(url, index) for index in range(len(mount.description.medias))],
            back_channels=BACK_CHANNEL in required(exchange.request),
        )
        headers = ("Content-Base", content_base(url)), ("Content-Type", "application/sdp")
        return exchange.respond(200, *headers, body=body)
