"""The names of statuses."""

from router.rtsp.status import REASONS


def test_every_name_can_stand_in_a_status_line() -> None:
    assert all(100 <= status <= 599 and reason.isprintable() for status, reason in REASONS.items())


def test_rtsps_own_statuses_are_there() -> None:
    assert {451, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 551} <= set(REASONS)
