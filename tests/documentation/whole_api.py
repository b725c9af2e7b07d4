"""A typed program that uses every public name of `router`, for `mypy --strict`; it runs, too."""

import asyncio
import sys
from pathlib import Path

from router import (
    HA1,
    AnnounceContext,
    Answer,
    AuthenticateContext,
    CannotReload,
    ConnectionCloseContext,
    ConnectionOpenContext,
    CredentialsContext,
    DecodeErrorContext,
    DescribeContext,
    FileBroken,
    FileChanged,
    FileError,
    FileStream,
    FileUnreadable,
    GetParameterContext,
    Handler,
    MediaStats,
    MountCloseContext,
    MountOpenContext,
    NotRtcp,
    NotRtp,
    OnAnnounce,
    OnAuthenticate,
    OnConnectionClose,
    OnConnectionOpen,
    OnCredentials,
    OnDecodeError,
    OnDescribe,
    OnGetParameter,
    OnMountClose,
    OnMountOpen,
    OnPacketsLost,
    OnPause,
    OnPlay,
    OnRecord,
    OnRequest,
    OnResponse,
    OnSessionClose,
    OnSessionOpen,
    OnSetParameter,
    OnSetup,
    OnStreamWriteError,
    PacketError,
    PacketsLostContext,
    PacketTooLarge,
    PathTaken,
    PauseContext,
    PlayContext,
    PyAVMissing,
    ReceivedPacket,
    RecordContext,
    Request,
    RequestContext,
    Response,
    ResponseContext,
    Role,
    Server,
    ServerConnection,
    ServerSession,
    ServerStream,
    SessionCloseContext,
    SessionOpenContext,
    SessionState,
    SessionStats,
    SetParameterContext,
    Settings,
    SetupContext,
    StartError,
    StreamAnswer,
    StreamClosed,
    StreamError,
    StreamFull,
    StreamNotOpen,
    StreamNotPlaced,
    StreamStats,
    StreamWriteErrorContext,
    TrackStats,
    UnsupportedCodec,
    WrongMedia,
    WrongPayloadType,
    compute_ha1,
)
from router.description import G711, H264, DescriptionError, Format, Media, SessionDescription

PICTURE = Media("video", [H264(payload_type=96)])
TALK_BACK = Media("audio", [G711(payload_type=0, mu_law=True)], back_channel=True)
REFUSED = (NotRtp, NotRtcp, PacketTooLarge, WrongPayloadType)
UNREADABLE = (FileUnreadable, UnsupportedCodec, FileChanged, FileBroken, PyAVMissing)


class Told(OnConnectionOpen, OnConnectionClose, OnSessionOpen, OnSessionClose, OnMountOpen, OnMountClose, OnRequest,
           OnResponse, OnPacketsLost, OnDecodeError, OnStreamWriteError):  # fmt: skip
    """Hears of everything."""

    def on_connection_open(self, context: ConnectionOpenContext, /) -> None:
        connection: ServerConnection = context.connection
        connection.user_data = (connection.id, connection.host, connection.port)

    def on_connection_close(self, context: ConnectionCloseContext, /) -> None:
        print(context.connection.id, context.reason)

    async def on_session_open(self, context: SessionOpenContext, /) -> None:
        session: ServerSession = context.session
        print(session.id, session.path, session.query, session.user, session.transport)

    async def on_session_close(self, context: SessionCloseContext, /) -> None:
        role: Role = context.session.role
        print(role, context.reason, context.readers)

    async def on_mount_open(self, context: MountOpenContext, /) -> None:
        stats: SessionStats = await context.session.stats()
        tracks: tuple[TrackStats, ...] = stats.tracks
        print(stats.packets, stats.dropped, tracks)

    def on_mount_close(self, context: MountCloseContext, /) -> None:
        print(context.session.path, context.reason)

    def on_request(self, context: RequestContext, /) -> None:
        request: Request = context.request
        print(request.method, request.url, request.cseq)

    def on_response(self, context: ResponseContext, /) -> None:
        print(context.response.status)

    def on_packets_lost(self, context: PacketsLostContext, /) -> None:
        print(context.packets)

    def on_decode_error(self, context: DecodeErrorContext, /) -> None:
        print(context.not_rtp, context.wrong_payload_type)

    def on_stream_write_error(self, context: StreamWriteErrorContext, /) -> None:
        print(context.reason)


class Asked(OnAuthenticate, OnCredentials, OnDescribe, OnAnnounce, OnSetup, OnPlay, OnRecord, OnPause, OnGetParameter,
            OnSetParameter):  # fmt: skip
    """Decides on everything."""

    def __init__(self) -> None:
        self.stream: ServerStream | None = None

    def on_authenticate(self, context: AuthenticateContext, /) -> bool:
        return context.username != "" and context.password == "hidden"

    def on_credentials(self, context: CredentialsContext, /) -> HA1 | str | None:
        return compute_ha1(context.username, "Trunkline", "hidden") if context.path == "/hashed" else "hidden"

    def on_describe(self, context: DescribeContext, /) -> StreamAnswer:
        return self.stream if context.path == "/given" else None

    async def on_announce(self, context: AnnounceContext, /) -> Answer:
        description: SessionDescription | None = context.description
        response: Response = await context.default()
        return 400 if description is None else response

    def on_setup(self, context: SetupContext, /) -> StreamAnswer:
        return (Response(200), self.stream) if context.path == "/given" else None

    def on_play(self, context: PlayContext, /) -> Answer:
        return None if context.session.state is SessionState.READY else 455

    def on_record(self, context: RecordContext, /) -> Answer:
        context.session.on_packet_rtp(0, self.take)
        context.session.on_packet_rtcp(0, self.take)
        return None

    def on_pause(self, context: PauseContext, /) -> Answer:
        return 200

    def on_get_parameter(self, context: GetParameterContext, /) -> Answer:
        return Response(200, body=context.request.body)

    def on_set_parameter(self, context: SetParameterContext, /) -> Answer:
        return 451

    def take(self, packet: ReceivedPacket) -> None:
        print(len(packet.packet), packet.pts, packet.ntp, packet.session)


async def write(stream: ServerStream, packet: bytes) -> StreamStats:
    """Write in every way."""
    try:
        stream.write_packet_rtp(PICTURE, packet)
        stream.write_packets_rtp(0, [packet, packet], ntp=1e9)
        stream.write_packet_rtp_with_ntp(PICTURE, packet, 1e9)
        stream.write_packet_rtcp(PICTURE, b"\x80\xc9\x00\x01\x00\x00\x00\x01")
        await stream.drain()
        stream.reload_description(stream.description)
    except REFUSED as error:
        wrong: PacketError = error
        print("refused", wrong.index)
    except (WrongMedia, StreamFull, StreamNotOpen, StreamClosed, CannotReload) as error:
        base: StreamError = error
        print("not written", base)
    stop = stream.on_packet_rtp(TALK_BACK, lambda packet: print(packet.session))
    stream.on_packet_rtcp(TALK_BACK, lambda packet: print(packet.session))
    stop()
    stream.close_readers("nobody reads on")
    stats: StreamStats = stream.stats()
    medias: tuple[MediaStats, ...] = stats.medias
    print(stream.playing, [each.packets for each in medias])
    return stats


async def main(file: Path) -> StreamStats:
    """Run a server with everything for a moment."""
    asked = Asked()
    handler: Handler = asked
    told: Handler = Told()
    settings = Settings(publish_port=0, client_port=0, workers=1, runtime_dir=file.parent / "run")
    server = Server(settings, handler=handler)
    try:
        stream = asked.stream = ServerStream(server, SessionDescription([PICTURE, TALK_BACK]), "/given")
        film: FileStream | None = FileStream(server, file, "/film", loop=True, on_demand=False)
    except DescriptionError as error:
        sys.exit(str(error))
    except UNREADABLE as error:
        problem: FileError = error
        print(problem)
        film = None
    try:
        async with server, Server(handler=told, publish_port=0, client_port=0, workers=1) as other:
            print(server.publish_url, other.client_url)
            found: tuple[Media, H264] | None = stream.description.find(H264)
            formats: list[Format] = [each for media in stream.description.medias for each in media.formats]
            print(found, formats, film)
            return await write(stream, b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01payload")
    except (StartError, PathTaken, StreamNotPlaced) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    print(asyncio.run(main(Path(sys.argv[1]))).packets)
