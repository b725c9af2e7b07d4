"""What the next worker finds in a dead one's connection is served once, and answered as it was."""

from router.connections.repeats import FOUND_WITHIN_S, WRITTEN_WITHIN_S, Repeats
from workers.contract.parts import MAX_UNANSWERED

FIRST, SECOND, THIRD = (b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(1, 4))
OK = b"RTSP/1.0 200 OK\r\n\r\n"


def after(*requests: tuple[bytes, bytes]) -> Repeats:
    """Requests that a worker passed on at 0, and their answers; it died at 1, and the next one came at 2."""
    repeats = Repeats()
    for message, response in requests:
        repeats.pass_on(message, 0)
        if response:
            repeats.answer(message, response, 0)
    repeats.worker_lost(1)
    repeats.handed_over(2)
    return repeats


def test_nothing_is_a_repetition_while_the_worker_lives() -> None:
    repeats = Repeats()
    repeats.pass_on(FIRST, 0)
    assert repeats.find(FIRST, 0) is None


def test_an_answer_that_may_be_lost_is_given_again() -> None:
    assert after((FIRST, OK)).find(bytes(FIRST), 2) == OK


def test_a_request_that_is_being_served_is_not_served_twice() -> None:
    assert after((FIRST, b"")).find(FIRST, 2) == b""


def test_an_answer_that_waited_for_the_next_worker_is_not_given_twice() -> None:
    repeats = Repeats()
    repeats.pass_on(FIRST, 0)
    repeats.worker_lost(1)
    repeats.answer(FIRST, OK, 1)
    repeats.handed_over(2)
    assert repeats.find(FIRST, 2) == b""


def test_what_was_answered_is_passed_over() -> None:
    repeats = after((FIRST, OK), (SECOND, b""))
    assert repeats.find(SECOND, 2) == b""
    assert repeats.find(THIRD, 2) is None
    assert repeats.find(FIRST, 2) is None, "it can't come behind a later one"


def test_what_nobody_had_is_new_and_leaves_the_rest_in_doubt() -> None:
    repeats = after((FIRST, OK))
    assert repeats.find(SECOND, 2) is None
    assert repeats.find(FIRST, 2) == OK


def test_who_asks_again_may_lack_the_answers_before() -> None:
    """A client that pipelines does not wait: the front's having answered says nothing of what was written."""
    repeats = after((FIRST, OK), (SECOND, b""))
    assert repeats.find(FIRST, 2) == OK
    assert repeats.find(SECOND, 2) == b""


def test_who_asks_again_much_later_has_got_the_answers_before() -> None:
    repeats = Repeats()
    repeats.pass_on(FIRST, 0)
    repeats.answer(FIRST, OK, 0)
    later = WRITTEN_WITHIN_S + 1
    repeats.pass_on(SECOND, later)
    repeats.worker_lost(later)
    repeats.handed_over(later)
    assert repeats.find(FIRST, later) is None
    assert repeats.find(SECOND, later) == b""


def test_the_same_bytes_long_after_a_death_are_a_new_request() -> None:
    repeats = after((FIRST, OK))
    assert repeats.find(FIRST, 2 + FOUND_WITHIN_S) is None


def test_a_next_worker_that_is_long_in_coming_finds_the_answers() -> None:
    repeats = Repeats()
    repeats.pass_on(FIRST, 0)
    repeats.answer(FIRST, OK, 0)
    repeats.worker_lost(1)
    repeats.handed_over(1000)
    assert repeats.find(FIRST, 1000) == OK


def test_no_more_is_kept_than_a_worker_may_have_in_hand() -> None:
    messages = [b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(MAX_UNANSWERED + 1)]
    repeats = after(*((each, OK) for each in messages))
    assert repeats.find(messages[0], 2) is None
    assert [repeats.find(each, 2) for each in messages[1:]] == [OK] * MAX_UNANSWERED


def test_the_second_death_is_like_the_first() -> None:
    repeats = after((FIRST, OK))
    assert repeats.find(FIRST, 2) == OK
    repeats.worker_lost(3)
    repeats.handed_over(4)
    assert repeats.find(FIRST, 4) == OK
