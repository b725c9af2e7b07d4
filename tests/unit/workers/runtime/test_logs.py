"""Log lines."""

import json
import logging

import pytest

from workers.runtime.logs import OncePerMinute, configure


def test_text_quotes_what_could_be_taken_for_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    configure(3, "info", "text").info("connection closed", extra={"connection": "c1", "reason": "a b\n"})
    line = capsys.readouterr().err
    assert line.endswith('INFO    worker 3: connection closed connection=c1 reason="a b\\n"\n')


def test_json_is_one_object_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger = configure(3, "info", "json")
    try:
        raise ValueError("x")
    except ValueError as error:
        logger.error("mount failed", extra={"mount": "/cam"}, exc_info=error)
    fields = json.loads(capsys.readouterr().err)
    assert (fields["event"], fields["mount"], fields["program"]) == ("mount failed", "/cam", "worker 3")
    assert "ValueError: x" in fields["exception"]


def test_a_cause_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    complaints = OncePerMinute(logging.getLogger("test"))
    for now in (0.0, 1.0, 59.0, 60.0):
        complaints.warn("garbage", "detail", now)
    assert [each.__dict__["silenced"] for each in caplog.records] == [0, 2]
