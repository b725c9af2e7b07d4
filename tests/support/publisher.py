"""A publisher of synthetic tracks, over UDP or TCP: every packet that it sends is kept for comparison."""

import random
import socket
import time
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import urlsplit

from tests.support.ports import udp_pair
from tests.support.rtp import Rtp, Stamp, build_payload, build_rtp, build_sender_report
from tests.support.rtsp import Credentials, Reply, RtspConnection
from tests.support.sdp import build_sdp, clock_rate, payload_type
from tests.support.waiting import eventually

RECORD_RANGE = "npt=0.000-"


class PublishedTrack:
    """One track of a publisher: its numbering, its sockets or channels, and all that was sent."""

    def __init__(self, mount: str, index: int) -> None:
        self.index = index
        self.mount = mount
        self.ssrc = random.getrandbits(32)
        self.first_sequence = random.getrandbits(16)
        self.first_timestamp = random.getrandbits(32)
        self.counter = 0
        self.sent: list[bytes] = []
        self.rtp: socket.socket | None = None
        self.rtcp: socket.socket | None = None
        self.channels = (2 * index, 2 * index + 1)
        self.server_ports = (0, 0)

    @property
    def next_sequence(self) -> int:
        """The sequence number of the packet that comes next."""
        return (self.first_sequence + self.counter) & 0xFFFF

    @property
    def next_timestamp(self) -> int:
        """The timestamp of the packet that comes next: a packet is 1/30 s."""
        return (self.first_timestamp + self.counter * clock_rate(self.index) // 30) & 0xFFFFFFFF

    def skip(self, packets: int) -> None:
        """Count packets as sent without sending them: the network lost them."""
        self.counter += packets

    def build(self, size: int) -> bytes:
        """Make the next packet, of `size` bytes."""
        stamp = Stamp(self.mount, self.index, self.counter)
        packet = Rtp(
            payload_type(self.index),
            True,
            self.next_sequence,
            self.next_timestamp,
            self.ssrc,
            build_payload(stamp, size - 12),
        )
        self.counter += 1
        return build_rtp(packet)


class Publisher:
    """Announces, sets up, records and sends. Each step is its own method, for tests of what lies between."""

    def __init__(
        self,
        url: str,
        *,
        transport: str = "udp",
        tracks: int = 1,
        controls: Sequence[str | None] | None = None,
        sdp: bytes | None = None,
        connection: RtspConnection | None = None,
        credentials: Credentials | None = None,
        source_host: str | None = None,
        packet_bytes: int = 400,
    ) -> None:
        self.url = url
        self.mount = urlsplit(url).path
        self.transport = transport
        self.packet_bytes = packet_bytes
        self.controls = list(controls) if controls is not None else [f"streamid={index}" for index in range(tracks)]
        self.sdp = sdp if sdp is not None else build_sdp(self.controls)
        self.connection = connection or RtspConnection(url, credentials=credentials, source_host=source_host)
        self.server_host: str = self.connection.socket.getpeername()[0]
        self.tracks = [PublishedTrack(self.mount, index) for index in range(len(self.controls))]

    def start(self) -> "Publisher":
        """Announce, set up all tracks and record."""
        try:
            self.announce()
            for index in range(len(self.tracks)):
                self.set_up(index)
            self.record()
        except BaseException:
            self.close()  # nobody has entered it yet who would
            raise
        return self

    def announce(self, status: int = 200) -> Reply:
        """Send the SDP."""
        return self.connection.expect(status, "ANNOUNCE", self.url, {"Content-Type": "application/sdp"}, self.sdp)

    def set_up(self, index: int, url: str | None = None) -> Reply:
        """Set a track up at `url`, or at its control below the publisher's own URL."""
        track = self.tracks[index]
        if self.transport == "udp":
            if track.rtp is None:
                track.rtp, track.rtcp = udp_pair(self.connection.local_host)
            port = track.rtp.getsockname()[1]
            wanted = f"RTP/AVP/UDP;unicast;client_port={port}-{port + 1};mode=record"
        else:
            wanted = f"RTP/AVP/TCP;unicast;interleaved={track.channels[0]}-{track.channels[1]};mode=record"
        target = url if url is not None else f"{self.url}/{self.controls[index]}"
        reply = self.connection.expect(200, "SETUP", target, {"Transport": wanted})
        if self.transport == "udp":
            track.server_ports = reply.ports("server_port")
        else:
            track.channels = reply.ports("interleaved")
        return reply

    def record(self, range_value: str = RECORD_RANGE) -> Reply:
        """Start recording."""
        return self.connection.expect(200, "RECORD", self.url, {"Range": range_value})

    def send(self, packets: int = 1, index: int | None = None, size: int | None = None) -> None:
        """Send packets on one track, or in turn on all, and keep them in `tracks[...].sent`."""
        tracks = self.tracks if index is None else [self.tracks[index]]
        for _ in range(packets):
            for track in tracks:
                data = track.build(size or self.packet_bytes)
                track.sent.append(data)
                self.send_rtp(track.index, data)

    def send_rtp(self, index: int, data: bytes) -> None:
        """Send bytes as a track's RTP, whatever they are; they are not kept."""
        track = self.tracks[index]
        if track.rtp is not None:
            track.rtp.sendto(data, (self.server_host, track.server_ports[0]))
        else:
            self.connection.send_frame(track.channels[0], data)

    def send_rtcp(self, index: int, data: bytes) -> None:
        """Send bytes as a track's RTCP."""
        track = self.tracks[index]
        if track.rtcp is not None:
            track.rtcp.sendto(data, (self.server_host, track.server_ports[1]))
        else:
            self.connection.send_frame(track.channels[1], data)

    def send_sender_report(self, index: int) -> bytes:
        """Send a sender report for the packets so far, and return it."""
        track = self.tracks[index]
        ntp = int((time.time() + 2_208_988_800) * 2**32) & (2**64 - 1)
        octets = sum(len(packet) - 12 for packet in track.sent) & 0xFFFFFFFF
        report = build_sender_report(track.ssrc, ntp, track.next_timestamp, len(track.sent), octets)
        self.send_rtcp(index, report)
        return report

    def received_rtcp(self, index: int) -> list[bytes]:
        """Take in the RTCP that has come for a track."""
        track = self.tracks[index]
        found = []
        if track.rtcp is not None:
            while True:
                try:
                    found.append(track.rtcp.recv(65_536))
                except BlockingIOError:
                    return found
        self.connection.pump()
        found = [payload for channel, payload in self.connection.frames if channel == track.channels[1]]
        self.connection.frames.clear()
        return found

    def await_back(self, index: int, rtp: bytes, rtcp: bytes) -> None:
        """Wait until both have come back on a track, beside the router's own reports."""
        track = self.tracks[index]
        got: list[tuple[bool, bytes]] = []

        def there() -> bool:
            for is_rtcp, sock in ((False, track.rtp), (True, track.rtcp)):
                while sock is not None:
                    try:
                        got.append((is_rtcp, sock.recv(65_536)))
                    except BlockingIOError:
                        break
            self.connection.pump()
            got.extend((channel == track.channels[1], payload) for channel, payload in self.connection.frames)
            self.connection.frames.clear()
            return {(False, rtp), (True, rtcp)} <= set(got)

        eventually(there, f"packets back on track {index} of {self.url}")

    def teardown(self) -> Reply:
        """End the session in order."""
        return self.connection.expect(200, "TEARDOWN", self.url)

    def lose_connection(self) -> None:
        """Let the connection go and keep the UDP sockets."""
        self.connection.reset()

    def close(self) -> None:
        """Let go of everything without a word to the router."""
        self.connection.close()
        for track in self.tracks:
            for sock in (track.rtp, track.rtcp):
                if sock is not None:
                    sock.close()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
