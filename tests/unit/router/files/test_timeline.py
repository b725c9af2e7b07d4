"""The time line of a file that is played again and again."""

from fractions import Fraction as F

from router.files.timeline import JUMP_S, FileTimeline, Place


def play(line: FileTimeline, *packets: tuple[int, F | None, F | None, F]) -> list[Place]:
    return [line.place(*each) for each in packets]


def test_both_streams_begin_anew_where_the_longest_ended() -> None:
    line = FileTimeline(2, F(2))
    line.begin_pass()
    play(line, (0, F(2), F(2), F(1)), (1, F(2), F(2), F(1, 2)), (0, F(3), F(3), F(1)), (1, F(5, 2), F(5, 2), F(1, 2)))
    line.begin_pass()
    assert play(line, (1, F(2), F(2), F(1, 2)), (0, F(2), F(2), F(1))) == [Place(F(4), F(4)), Place(F(4), F(4))]
    line.begin_pass()
    assert line.place(0, F(2), F(2), F(1)).time == 5
    assert line.end(0) == 6


def test_a_thousand_passes_add_no_error() -> None:
    frame = F(1001, 30_000)
    line = FileTimeline(1, F(0))
    for _ in range(1000):
        line.begin_pass()
        play(line, (0, F(0), F(0), frame), (0, frame, frame, frame))
    assert line.end(0) == 2000 * frame


def test_frames_out_of_order_are_due_when_they_are_decoded() -> None:
    line = FileTimeline(1, F(0))
    second = F(1)
    places = play(
        line, (0, F(0), None, second), (0, F(4), None, second), (0, F(2), F(0), second), (0, F(3), F(1), second)
    )
    assert [each.due for each in places] == [0, 0, 0, 1]
    assert [each.time for each in places] == [0, 4, 2, 3]
    assert line.end(0) == 5


def test_packets_never_become_due_before_those_ahead_of_them() -> None:
    line = FileTimeline(1, F(0))
    assert [each.due for each in play(line, (0, F(3), F(3), F(0)), (0, F(1), F(1), F(0)))] == [3, 3]


def test_without_times_each_frame_follows_the_one_before() -> None:
    line = FileTimeline(1, F(7))
    line.begin_pass()
    assert [each.time for each in play(line, (0, None, None, F(1)), (0, None, None, F(1)))] == [7, 8]
    line.begin_pass()
    assert line.place(0, None, None, F(1)).time == 9


def test_cuts_leave_no_gap_and_keep_the_streams_together() -> None:
    line = FileTimeline(2, F(100), cuts=True)
    play(line, (0, F(100), F(100), F(1)), (1, F(100), F(100), F(1)))
    back = F(1)
    video = line.place(0, back, back, F(1))
    still_before = line.place(1, F(101), F(101), F(1))
    audio = line.place(1, back + 1, back + 1, F(1))
    assert video.time == 100
    assert still_before.time == 101
    assert audio.time == video.time + 1


def test_gaps_are_kept_where_files_have_no_cuts() -> None:
    line = FileTimeline(1, F(0))
    play(line, (0, F(0), F(0), F(1)))
    assert line.place(0, F(JUMP_S * 3), F(JUMP_S * 3), F(1)).time == JUMP_S * 3
