"""A reader that checks every packet: whose it is, that its bytes are the publisher's, that none is missing."""

import select
import socket
from collections.abc import Callable, Sequence
from types import TracebackType

from tests.support.ports import udp_pair
from tests.support.publisher import Publisher
from tests.support.rtp import build_receiver_report, parse_rtp, read_stamp
from tests.support.rtsp import Credentials, Reply, RtspConnection
from tests.support.sdp import Description, read_sdp
from tests.support.waiting import Deadline

PUNCH = b"\x80" + bytes(11)
"""What ffmpeg sends to the server's RTP port before PLAY, to open a NAT's way back."""


class ReadTrack:
    """One track that was set up: where it arrives, and what arrived."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.rtp: socket.socket | None = None
        self.rtcp: socket.socket | None = None
        self.channels = (-1, -1)
        self.server_ports = (0, 0)
        self.ssrc: int | None = None
        self.packets: list[bytes] = []
        self.reports: list[bytes] = []

    def drain(self, host: str) -> None:
        """Take in what waits in the sockets; a packet from another than the announced port is a failure."""
        for sock, port, target in (
            (self.rtp, self.server_ports[0], self.packets),
            (self.rtcp, self.server_ports[1], self.reports),
        ):
            while sock is not None:
                try:
                    data, (source, source_port, *_) = sock.recvfrom(65_536)
                except BlockingIOError:
                    break
                assert (source, source_port) == (host, port), f"from {source}:{source_port}, not {host}:{port}"
                target.append(data)

    def punch(self, host: str) -> None:
        """Send from both sockets, as real players do before PLAY."""
        if self.rtp is not None and self.rtcp is not None:
            self.rtp.sendto(PUNCH, (host, self.server_ports[0]))
            self.rtcp.sendto(build_receiver_report(self.index + 1), (host, self.server_ports[1]))

    def close(self) -> None:
        """Close its sockets."""
        for sock in (self.rtp, self.rtcp):
            if sock is not None:
                sock.close()


class Reader:
    """Describes, sets up, plays and collects. Each step is its own method, for tests of what lies between."""

    def __init__(
        self,
        url: str,
        *,
        transport: str = "udp",
        connection: RtspConnection | None = None,
        credentials: Credentials | None = None,
        source_host: str | None = None,
        punches: bool = True,
        require: str | None = None,
    ) -> None:
        self.url = url
        self.require = require
        self.transport = transport
        self.punches = punches
        self.connection = connection or RtspConnection(url, credentials=credentials, source_host=source_host)
        self.server_host: str = self.connection.socket.getpeername()[0]
        self.base = url
        self.description: Description | None = None
        self.tracks: dict[int, ReadTrack] = {}

    def start(self, tracks: Sequence[int] | None = None) -> "Reader":
        """Describe, set up `tracks` (or all) and play."""
        try:
            self.describe()
            for index in tracks if tracks is not None else range(len(self.controls)):
                self.set_up(index)
            self.play()
        except BaseException:
            self.close()  # nobody has entered it yet who would
            raise
        return self

    @property
    def controls(self) -> tuple[str, ...]:
        """The tracks' controls, once described."""
        assert self.description is not None
        return self.description.controls

    def describe(self, status: int = 200) -> Reply:
        """Fetch the SDP."""
        headers = {"Accept": "application/sdp", "Require": self.require}
        reply = self.connection.expect(status, "DESCRIBE", self.url, headers)
        if status == 200:
            assert reply["Content-Type"].lower().startswith("application/sdp")
            self.base = reply.get("Content-Base") or self.url
            self.description = read_sdp(reply.body)
        return reply

    def control_url(self, index: int) -> str:
        """Say where a track is set up (RFC 2326 C.1.1)."""
        control = self.controls[index]
        if "://" in control:
            return control
        return self.base + control if self.base.endswith("/") else f"{self.base}/{control}"

    def set_up(self, index: int, transport_header: str | None = None) -> Reply:
        """Set a track up, with the Transport header given or one made for this reader's transport."""
        if index in self.tracks:
            self.tracks[index].close()
        track = ReadTrack(index)
        if self.transport == "udp":
            track.rtp, track.rtcp = udp_pair(self.connection.local_host)
            port = track.rtp.getsockname()[1]
            wanted = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        else:
            wanted = f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1}"
        self.tracks[index] = track
        header = {"Transport": transport_header or wanted}
        reply = self.connection.expect(200, "SETUP", self.control_url(index), header)
        if self.transport == "udp":
            track.server_ports = reply.ports("server_port")
            if self.punches:
                track.punch(self.server_host)
        else:
            track.channels = reply.ports("interleaved")
        if "ssrc" in reply.transport:
            track.ssrc = int(reply.transport["ssrc"], 16)
        return reply

    def play(self) -> Reply:
        """Start playing."""
        return self.connection.expect(200, "PLAY", self.url, {"Range": "npt=0.000-"})

    def pause(self) -> Reply:
        """Pause."""
        return self.connection.expect(200, "PAUSE", self.url)

    def teardown(self) -> Reply:
        """End the session in order."""
        return self.connection.expect(200, "TEARDOWN", self.url)

    def send(self, index: int, packet: bytes) -> None:
        """Send RTP on a track, as on a back channel."""
        track = self.tracks[index]
        if track.rtp is not None:
            track.rtp.sendto(packet, (self.server_host, track.server_ports[0]))
        else:
            self.connection.send_frame(track.channels[0], packet)

    def send_rtcp(self, index: int, packet: bytes) -> None:
        """Send RTCP on a track."""
        track = self.tracks[index]
        if track.rtcp is not None:
            track.rtcp.sendto(packet, (self.server_host, track.server_ports[1]))
        else:
            self.connection.send_frame(track.channels[1], packet)

    # -- media --------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Take in all media that has come."""
        for track in self.tracks.values():
            track.drain(self.server_host)
        self.connection.pump()
        by_channel = {channel: track for track in self.tracks.values() for channel in track.channels}
        while self.connection.frames:
            channel, payload = self.connection.frames.popleft()
            assert channel in by_channel, f"a frame on channel {channel}, which nobody set up"
            track = by_channel[channel]
            (track.packets if channel == track.channels[0] else track.reports).append(payload)

    @property
    def sockets(self) -> list[socket.socket]:
        """All sockets on which something may come."""
        media = [sock for track in self.tracks.values() for sock in (track.rtp, track.rtcp) if sock is not None]
        return media if self.connection.closed else [*media, self.connection.socket]

    def receive(self, packets: int, timeout_s: float = 10.0) -> None:
        """Wait until each track has got `packets` packets in all."""
        receive_all([self], lambda: all(len(track.packets) >= packets for track in self.tracks.values()), timeout_s)

    def receive_report(self, index: int, timeout_s: float = 10.0) -> bytes:
        """Wait for a track's RTCP and return the first that came."""
        receive_all([self], lambda: bool(self.tracks[index].reports), timeout_s)
        return self.tracks[index].reports[0]

    def check(self, publisher: Publisher) -> None:
        """Assert that each track got a gapless run of the publisher's packets, in order, byte for byte."""
        for index, track in self.tracks.items():
            check_run(track.packets, publisher.tracks[index].sent, f"{self.url} track {index} over {self.transport}")

    def wait_ended(self, timeout_s: float = 10.0) -> None:
        """Wait until the router ends the connection."""
        self.connection.wait_closed(timeout_s)

    def close(self) -> None:
        """Let go of everything without a word to the router."""
        self.connection.close()
        for track in self.tracks.values():
            track.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_run(got: Sequence[bytes], sent: Sequence[bytes], what: str) -> None:
    """Assert that `got` is a gapless part of `sent`."""
    if not got:
        return
    assert got[0] in sent, f"{what}: the first packet is not one of the publisher's: {got[0][:32].hex()}"
    start = sent.index(got[0])
    wanted = sent[start : start + len(got)]
    if list(got) == list(wanted):
        return
    seen = [read_stamp(parse_rtp(packet).payload).counter for packet in got]
    expected = [read_stamp(parse_rtp(packet).payload).counter for packet in wanted]
    raise AssertionError(f"{what}: got counters {seen}, expected {expected}")


def receive_all(readers: Sequence[Reader], complete: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Take in media of many readers until `complete`."""
    deadline = Deadline(timeout_s)
    poll = select.poll()
    for reader in readers:
        for sock in reader.sockets:
            poll.register(sock, select.POLLIN)
    while True:
        for reader in readers:
            reader.pump()
        if complete():
            return
        if deadline.passed:
            got = {reader.url: {i: len(t.packets) for i, t in reader.tracks.items()} for reader in readers}
            raise AssertionError(f"not within {timeout_s:g} s; packets per reader and track: {got!r:.3000}")
        poll.poll(min(deadline.left_s, 0.2) * 1000)
