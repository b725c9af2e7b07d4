"""What a program hears of one session, and writes to it."""

from collections.abc import Callable

from router.description import DescriptionError, Media, SessionDescription
from router.rtsp.session_state import SessionState
from router.state.sessions import Role, Session
from router.streams.callbacks import Callback
from router.streams.errors import StreamClosed, StreamNotOpen, WrongMedia
from router.streams.packets import DEFAULT_PACKET_BYTES, checked_rtcp, checked_runs
from router.streams.tap import MountTap
from router.streams.taps import Taps
from workers.channel import Kind, Run
from workers.rtp.packet import second_bytes


class SessionPackets:
    """The packets of one session, publisher's or reader's."""

    def __init__(self, session: Session, taps: Taps) -> None:
        self._session = session
        self._taps = taps
        self._tap: MountTap | None = None
        """The one that it has used: its figures outlive the mount."""
        self._described: tuple[object, SessionDescription | None] = (None, None)

    @property
    def description(self) -> SessionDescription | None:
        """What its mount consists of; None where a format's parameters can't be read."""
        parsed = self._session.mount.description
        if self._described[0] is not parsed:
            try:
                self._described = (parsed, SessionDescription.of(parsed))
            except DescriptionError:
                self._described = (parsed, None)
        return self._described[1]

    @property
    def missed(self) -> int:
        """Packets of its mount that the program was too slow for."""
        tap = self._tap or self._taps.get(self._session.mount)
        return 0 if tap is None else tap.missed

    def on_packet_rtp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """See `ServerSession.on_packet_rtp`."""
        track = self._track_of(media)
        if self._session.role is Role.READER and not self._session.mount.description.back_channels[track]:
            raise WrongMedia(f"media {track} is no back channel: readers send no RTP on it")
        return self._listen(Kind.RTP, track, callback)

    def on_packet_rtcp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """See `ServerSession.on_packet_rtcp`."""
        return self._listen(Kind.RTCP, self._track_of(media), callback)

    def write_packet_rtp(self, media: Media | int, packet: bytes) -> None:
        """See `ServerSession.write_packet_rtp`."""
        track = self._way_to(media)
        types = second_bytes(self._session.mount.description.medias[track].formats)
        self._write(Kind.RTP, track, checked_runs((packet,), types, DEFAULT_PACKET_BYTES))

    def write_packet_rtcp(self, media: Media | int, packet: bytes) -> None:
        """See `ServerSession.write_packet_rtcp`."""
        track = self._way_to(media)
        self._write(Kind.RTCP, track, list(checked_rtcp(packet, DEFAULT_PACKET_BYTES)))

    def _listen(self, kind: Kind, track: int, callback: Callback) -> Callable[[], None]:
        self._check_closed()
        self._tap = self._taps.on(self._session.mount)
        return self._tap.listen(self._session.id, kind, track, callback)

    def _write(self, kind: Kind, track: int, runs: list[Run]) -> None:
        self._tap = self._taps.on(self._session.mount)
        self._tap.write(self._session.id, kind, track, runs)

    def _check_closed(self) -> None:
        if self._session.state is SessionState.CLOSED:
            raise StreamClosed(f"session {self._session.id} has ended")

    def _way_to(self, media: Media | int) -> int:
        self._check_closed()
        track = self._track_of(media)
        if not self._session.active:
            raise StreamNotOpen(f"session {self._session.id} neither plays nor records")
        if track not in self._session.transports:
            raise WrongMedia(f"session {self._session.id} has not set up media {track}")
        return track

    def _track_of(self, media: Media | int) -> int:
        track: object = media
        if isinstance(media, Media):
            medias = () if self.description is None else self.description.medias
            same = [index for index, each in enumerate(medias) if each is media]
            equal = [index for index, each in enumerate(medias) if each == media]
            track = next(iter(same + equal), None)
        count = len(self._session.mount.description.medias)
        if type(track) is not int or not 0 <= track < count:
            raise WrongMedia(f"{media!r:.120} is none of the {count} medias of {self._session.mount.path}")
        return track
