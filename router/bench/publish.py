"""The program that publishes: all mounts, each frame when it is due, every packet a datagram of its own."""

import ctypes
import heapq
import signal
import socket
import sys
import time
from itertools import accumulate

from router.bench import handshake, program
from router.bench.board import STAMPS
from router.bench.messages import MessageHeaders
from router.bench.program import Plan, PlannedStreams
from router.bench.shape import Layout
from router.bench.stream import SyntheticStream
from router.rtsp.client import RtspError
from workers.fanout.syscalls import HEADER_BYTES, last_error, sendmmsg

_LONGEST_SLEEP_S = 0.05
LATE_S = 0.005
"""A frame that is sent later than this after its time is reported: the load itself could not keep up."""


class FrameMessages:
    """Message headers for every packet of a cycle; they point to where a frame's packets are put, one after another."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        shape = layout.shape
        frames = [shape.sizes[end - count : end] for end, count in zip(layout.frame_ends, shape.frames, strict=True)]
        self._buffer = ctypes.create_string_buffer(max(map(sum, frames)))
        buffer_at = ctypes.addressof(self._buffer)
        self._messages = MessageHeaders(
            [
                [(at, size)]
                for sizes in frames
                for at, size in zip(accumulate(sizes, initial=buffer_at), sizes, strict=False)
            ]
        )

    def send(self, fd: int, stream: SyntheticStream, first: int, count: int) -> None:
        """Send one frame on a connected socket. Raises OSError."""
        data = stream.packets(first, count)
        ctypes.memmove(self._buffer, data, len(data))
        place = first % self._layout.packets
        end = place + count
        while place < end:
            sent = sendmmsg(fd, self._messages.at + place * HEADER_BYTES, end - place, 0)
            if sent < 0:
                number = last_error()
                raise OSError(number, "sendmmsg")
            place += sent


class LoadPublisher:
    """One mount's publisher. Raises RtspError and OSError if the server doesn't take it."""

    def __init__(self, plan: Plan, mount: int, stream: SyntheticStream) -> None:
        self.stream = stream
        self.url = plan.mount_url(mount)
        udp = plan.scenario.publish_transport == "udp"
        self.session = handshake.publish(self.url, plan.path, udp=udp, near=mount * 7)
        self.udp: socket.socket | None = None
        if udp:
            self.udp = self.session.sockets[0]
            self.udp.setblocking(True)

    def send(self, first: int, count: int, messages: FrameMessages) -> None:
        """Send one frame. Raises OSError."""
        if self.udp is not None:
            messages.send(self.udp.fileno(), self.stream, first, count)
        else:
            self.session.sock.sendall(self.stream.framed(first, count, 0))

    def close_media(self) -> None:
        """Let go of the sockets, but not of the connection."""
        for each in self.session.sockets:
            each.close()


class Schedule:
    """Sends every frame when it is due, until told to stop."""

    def __init__(self, publishers: list[LoadPublisher], streams: PlannedStreams) -> None:
        self._publishers = publishers
        self._layout = streams.layout
        self._board = streams.board
        self._messages = FrameMessages(streams.layout)
        self.late_frames = self.failures = 0
        self.latest_s = 0.0
        self.stopped = False

    def run(self) -> None:
        """Send until `stopped`."""
        layout = self._layout
        interval_s = layout.shape.duration_s / layout.frames
        start = time.monotonic() + interval_s
        count = len(self._publishers)
        # Cameras don't keep step with each other.
        phases = [start + interval_s * mount / count for mount in range(count)]
        due = [(phase, mount, 0) for mount, phase in enumerate(phases)]
        while not self.stopped:
            when, mount, frame = due[0]
            wait_s = when - time.monotonic()
            if wait_s > 0:
                time.sleep(min(wait_s, _LONGEST_SLEEP_S))
                continue
            self._send(when, mount, frame)
            heapq.heapreplace(due, (phases[mount] + layout.frame_time_s(frame + 1), mount, frame + 1))

    def _send(self, when: float, mount: int, frame: int) -> None:
        board = self._board
        first, count = self._layout.frame_packets(frame)
        now = time.monotonic()
        if now - when > LATE_S:
            self.late_frames += 1
            self.latest_s = max(self.latest_s, now - when)
        board.stamps[mount * STAMPS + frame % STAMPS] = now
        try:
            self._publishers[mount].send(first, count, self._messages)
        except OSError:  # the server may have ended the session: what was not delivered counts as lost
            self.failures += 1
        board.sent[mount] = first + count


def main() -> None:
    plan = program.begin()
    streams = PlannedStreams(plan)
    publishers: list[LoadPublisher] = []
    try:
        for mount, stream in enumerate(streams.streams):
            publishers.append(LoadPublisher(plan, mount, stream))
    except (RtspError, OSError) as error:
        program.say("failed", reason=f"{plan.mount_url(len(publishers))}: {error}")
        sys.exit(1)
    schedule = Schedule(publishers, streams)

    def stop(_number: int, _frame: object) -> None:
        schedule.stopped = True

    signal.signal(signal.SIGTERM, stop)
    program.say("recording")
    schedule.run()
    program.say(
        "sent",
        sent=list(streams.board.totals()),
        late_frames=schedule.late_frames,
        latest_ms=round(schedule.latest_s * 1000, 1),
        failures=schedule.failures,
    )
    sys.stdin.buffer.read()
    for each in publishers:
        each.session.leave()
        each.session.wait()


if __name__ == "__main__":
    main()
