"""Programs that are heard line by line."""

import sys

from router.bench.heard_program import HeardProgram

TIMEOUT_S = 20.0


def program(code: str) -> HeardProgram:
    return HeardProgram([sys.executable, "-c", code])


def test_what_it_says_is_heard_until_it_ends() -> None:
    heard = program("print('one'); print(input())")
    assert heard.line(TIMEOUT_S) == "one"
    heard.tell(b"two\n")
    assert heard.line(TIMEOUT_S) == "two"
    assert heard.line(TIMEOUT_S) == ""
    assert heard.end(TIMEOUT_S)
    assert not heard.runs


def test_silence_is_told_from_an_end() -> None:
    heard = program("input()")
    assert heard.line(0.0) is None
    assert heard.runs
    assert heard.end(TIMEOUT_S)  # its input is closed


def test_who_does_not_end_is_killed() -> None:
    heard = program("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); signal.pause()")
    assert heard.line(TIMEOUT_S) == "up"
    heard.terminate()
    assert not heard.end(0.2)
    assert not heard.runs
