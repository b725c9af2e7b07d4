"""The writing side of one connection: whole frames or none, responses always."""

import random

import pytest

from tests.support.pipes import Pipe, outlet
from workers.runtime.counters import Drop


def test_the_tail_of_the_last_writer_comes_first() -> None:
    pipe = Pipe()
    made, _, _ = outlet(pipe, unsent=b"tail")
    made.flush(0.0)
    made.send_media(b"frame", 1, 0.0)
    assert pipe.written == b"tailframe"


def test_bursts_are_queued_whole_or_dropped_whole() -> None:
    pipe = Pipe(room=7)
    made, _, changes = outlet(pipe, limit=20)
    assert made.send_media(b"a" * 10, 1, 1.0)
    assert changes == [True]
    assert made.send_media(b"b" * 10, 1, 1.0)
    assert made.send_media(b"c" * 10, 2, 1.0)
    assert not made.send_media(b"d", 3, 1.0)
    pipe.room = 1000
    made.flush(2.0)
    assert pipe.written == b"a" * 10 + b"b" * 10 + b"c" * 10
    assert changes == [True, False]
    assert made.progress_at == 2.0


def test_a_response_overtakes_bursts_but_cuts_no_frame() -> None:
    pipe = Pipe(room=4)
    made, _, _ = outlet(pipe)
    made.send_media(b"first!", 1, 0.0)
    made.send_media(b"second", 1, 0.0)
    made.send_response(b"[1]", 0.0)
    made.send_response(b"[2]", 0.0)
    pipe.room = 1000
    made.flush(0.0)
    assert pipe.written == b"first![1][2]second"


def test_a_released_outlet_gives_the_rest_of_a_frame_and_its_responses() -> None:
    pipe = Pipe(room=4)
    made, counters, _ = outlet(pipe)
    made.send_media(b"first!", 1, 0.0)
    made.send_media(b"second", 2, 0.0)
    made.send_response(b"[1]", 0.0)
    assert made.queued_bytes == 2 + 6 + 3
    assert made.take_unsent() == b"t![1]"
    assert counters.drops[Drop.CONNECTION_LOST] == 2


def test_an_error_is_told_once_and_nothing_is_written_after() -> None:
    pipe = Pipe()
    pipe.error = BrokenPipeError(32, "Broken pipe")
    made, _, changes = outlet(pipe)
    assert not made.send_media(b"x", 1, 0.0)
    assert not made.send_media(b"x", 1, 0.0)
    made.send_response(b"[1]", 0.0)
    made.flush(0.0)
    assert made.error is pipe.error
    assert changes == [True]


@pytest.mark.parametrize("seed", range(20))
def test_no_way_of_writing_breaks_a_frame(seed: int) -> None:
    chance = random.Random(seed)
    pipe = Pipe(room=0)
    made, _, _ = outlet(pipe, limit=200)
    for number in range(300):
        pipe.room += chance.randrange(60)
        if chance.random() < 0.1:
            made.send_response(b"[r%03d]" % number, 0.0)
        else:
            made.send_media(b"<%03d%s>" % (number, b"." * chance.randrange(40)), 1, 0.0)
        if chance.random() < 0.3:
            made.flush(0.0)
    pipe.room = 1 << 30
    made.flush(0.0)
    assert made.queued_bytes == 0
    rest, media, responses = pipe.written, 0, 0
    while rest:
        if rest.startswith(b"["):
            responses, rest = responses + 1, rest[6:]
        else:
            end = rest.index(b">")
            assert rest.startswith(b"<")
            assert b"[" not in rest[:end]
            media, rest = media + 1, rest[end + 1 :]
    assert responses > 10
    assert media > 10


def frames(*payloads: bytes) -> bytes:
    return b"".join(b"$\x00" + len(each).to_bytes(2, "big") + each for each in payloads)


@pytest.mark.parametrize("room", [*range(1, 26), 30, 45])
def test_what_is_unwritten_goes_on_elsewhere_without_a_seam(room: int) -> None:
    """Wherever the kernel's room ends: within a frame, between two, or within a response."""
    pipe = Pipe(room=room)
    made, _, _ = outlet(pipe)
    whole = frames(b"a" * 6, b"b" * 6) + frames(b"c" * 6)
    made.send_media(frames(b"a" * 6, b"b" * 6), 2, 1.0)
    made.send_media(frames(b"c" * 6), 1, 1.0)
    made.send_response(b"RTSP/1.0 200 OK\r\n\r\n", 1.0)
    unwritten = made.unwritten(1000)
    assert unwritten.cut == 0
    next_pipe = Pipe()
    after, _, _ = outlet(next_pipe)
    after.restore(unwritten)
    assert next_pipe.written == b""
    after.flush(2.0)
    written = pipe.written + next_pipe.written
    response = b"RTSP/1.0 200 OK\r\n\r\n"
    assert response in written
    assert written.replace(response, b"") == whole
    assert not after.waiting


def test_what_moves_is_bounded_and_cut_between_frames() -> None:
    pipe = Pipe(room=13)
    made, counters, _ = outlet(pipe)
    made.send_media(frames(b"a" * 6, b"b" * 6, b"c" * 6), 3, 1.0)  # 30 bytes, of which 13 are written
    made.send_media(frames(b"d" * 6), 1, 1.0)
    unwritten = made.unwritten(15)
    assert unwritten.tail == frames(b"b" * 6)[3:]  # never cut: part of it is out
    assert [each.data for each in unwritten.media] == [frames(b"c" * 6)]
    assert unwritten.cut == 1
    assert counters.drops[Drop.QUEUE_FULL] == 1
    assert counters.packets_out == 3


def test_a_tail_that_moves_twice_is_still_whole() -> None:
    whole = frames(b"a" * 20) + frames(b"b" * 3)
    pipe = Pipe(room=5)
    made, _, _ = outlet(pipe)
    made.send_media(frames(b"a" * 20), 1, 0.0)
    made.send_media(frames(b"b" * 3), 1, 0.0)
    for room in (4, 1000):
        next_pipe = Pipe(room=room)
        after, _, _ = outlet(next_pipe)
        after.restore(made.unwritten(1000))
        after.flush(0.0)
        pipe.written += next_pipe.written
        made = after
    assert pipe.written == whole


def test_packets_that_never_left_were_never_counted_as_sent() -> None:
    pipe = Pipe(room=5)
    made, counters, _ = outlet(pipe)
    seen = []
    for each in (b"a" * 6, b"b" * 6, b"c" * 6):
        made.send_media(frames(each), 1, 0.0)
        seen.append(counters.packets_out)
    pipe.room = 7  # the rest of the first, and a bit of the others, which are taken together
    made.flush(1.0)
    seen.append(counters.packets_out)
    made.send_media(frames(b"d" * 6), 1, 1.0)
    unwritten = made.unwritten(1000)
    made.discard()
    seen.append(counters.packets_out)
    assert seen == [1, 1, 1, 3, 3]
    assert counters.drops[Drop.CONNECTION_LOST] == 1
    after, there, _ = outlet(Pipe())
    after.restore(unwritten)
    after.flush(2.0)
    assert there.packets_out == 1, "one was counted by neither yet"
    assert there.bytes_out == 6
