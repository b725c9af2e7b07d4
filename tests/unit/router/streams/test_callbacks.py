"""A program's callbacks for packets."""

import asyncio
import struct

import pytest

from router.streams.callbacks import MOST_SENDERS, PacketCallbacks
from router.streams.packets import ReceivedPacket
from workers.channel import ChannelBurst, Kind, runs_of


def burst(*packets: bytes, kind: Kind = Kind.RTP, track: int = 0) -> ChannelBurst:
    return ChannelBurst(kind, track, tuple(runs_of(packets, [len(each) for each in packets])))


def rtp(rtp_time: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, 1, rtp_time, 7)


def test_each_packet_comes_in_order_to_whom_it_is_for() -> None:
    listeners = PacketCallbacks([{96: 90_000}, {}])
    got: list[ReceivedPacket] = []
    remove = listeners.add(Kind.RTP, 0, got.append)
    listeners.take(burst(rtp(0), rtp(90_000)), "s", 1.0)
    listeners.take(burst(rtp(5), track=1), "s", 1.0)
    listeners.take(burst(b"\x80\xc9\x00\x01abcd", kind=Kind.RTCP), "s", 1.0)
    assert got == [ReceivedPacket(rtp(0), 0.0, None, "s"), ReceivedPacket(rtp(90_000), 1.0, None, "s")]
    assert listeners.tracks == {0}
    remove()
    remove()
    listeners.take(burst(rtp(0)), "s", 1.0)
    assert len(got) == 2
    assert not listeners.tracks
    assert len(listeners) == 0


def test_a_callback_that_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def program() -> None:
        listeners = PacketCallbacks([{}])
        got: list[ReceivedPacket] = []

        def fail(packet: ReceivedPacket) -> None:
            raise ZeroDivisionError

        listeners.add(Kind.RTP, 0, fail)
        listeners.add(Kind.RTP, 0, got.append)
        listeners.take(burst(rtp(0), rtp(1)), "", 1.0)
        assert len(got) == listeners.failed == 2

    asyncio.run(program())


def test_a_coroutine_function_is_no_callback() -> None:
    async def wait(packet: ReceivedPacket) -> None: ...

    with pytest.raises(TypeError, match="returns at once"):
        PacketCallbacks([{}]).add(Kind.RTP, 0, wait)


def test_the_times_of_so_many_senders_are_followed() -> None:
    listeners = PacketCallbacks([{}])
    listeners.add(Kind.RTP, 0, lambda packet: None)
    for number in range(MOST_SENDERS + 10):
        listeners.take(burst(rtp(0)), str(number), 1.0)
    assert len(listeners._timelines) == MOST_SENDERS
