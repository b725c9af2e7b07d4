"""What the next worker finds in a dead one's connection is served once, and answered as it was."""

from router.connections.repeats import Repeats

FIRST, SECOND, THIRD = (b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(1, 4))
OK = b"RTSP/1.0 200 OK\r\n\r\n"


def after(*requests: tuple[bytes, bytes], idle: bool = False) -> Repeats:
    repeats = Repeats()
    for message, response in requests:
        repeats.pass_on(message, idle=idle)
        if response:
            repeats.answer(message, response)
    repeats.worker_lost()
    return repeats


def test_nothing_is_a_repetition_while_the_worker_lives() -> None:
    repeats = Repeats()
    repeats.pass_on(FIRST, idle=True)
    assert repeats.find(FIRST) is None


def test_an_answer_that_may_be_lost_is_given_again() -> None:
    assert after((FIRST, OK)).find(bytes(FIRST)) == OK


def test_a_request_that_is_being_served_is_not_served_twice() -> None:
    assert after((FIRST, b"")).find(FIRST) == b""


def test_what_was_answered_is_passed_over() -> None:
    repeats = after((FIRST, OK), (SECOND, b""))
    assert repeats.find(SECOND) == b""
    assert repeats.find(THIRD) is None


def test_what_nobody_had_is_new() -> None:
    repeats = after((FIRST, OK))
    assert repeats.find(SECOND) is None
    assert repeats.find(FIRST) is None, "it can't come behind a later one"


def test_who_asks_again_has_got_the_answers_before() -> None:
    repeats = after((FIRST, OK), (SECOND, b""), idle=True)
    assert repeats.find(FIRST) is None


def test_the_second_death_is_like_the_first() -> None:
    repeats = after((FIRST, OK))
    assert repeats.find(FIRST) == OK
    repeats.worker_lost()
    assert repeats.find(FIRST) == OK
