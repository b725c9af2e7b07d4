"""Events come to everybody in one order, and whoever fails at one harms nobody else."""

from typing import Any, cast

import pytest

from router.state.events import EventDispatcher, MountEnded, MountReady

MOUNT = cast(Any, "mount")


def test_events_come_to_those_who_subscribed_to_their_kind_in_the_order_of_subscribing() -> None:
    events, heard = EventDispatcher(), list[str]()
    events.subscribe(MountEnded, lambda event: heard.append(f"first {event.reason}"))
    events.subscribe(MountReady, lambda event: heard.append("never"))
    events.subscribe(MountEnded, lambda event: heard.append(f"second {event.reason}"))
    events.append(MountEnded(MOUNT, "over"))
    assert heard == ["first over", "second over"]


def test_what_a_subscriber_appends_comes_after_what_is_being_delivered() -> None:
    events, heard = EventDispatcher(), list[str]()

    def close(event: MountReady) -> None:
        events.append(MountEnded(event.mount, "at once"))
        heard.append("ready at the first")

    events.subscribe(MountReady, close)
    events.subscribe(MountReady, lambda event: heard.append("ready at the second"))
    events.subscribe(MountEnded, lambda event: heard.append("ended"))
    events.append(MountReady(MOUNT, None))
    assert heard == ["ready at the first", "ready at the second", "ended"]


def test_a_subscriber_that_fails_is_logged_and_the_others_hear_of_it(caplog: pytest.LogCaptureFixture) -> None:
    events, heard = EventDispatcher(), list[str]()

    def fail(event: MountEnded) -> None:
        raise RuntimeError("broken")

    events.subscribe(MountEnded, fail)
    events.subscribe(MountEnded, lambda event: heard.append(event.reason))
    events.append(MountEnded(MOUNT, "over"))
    events.append(MountEnded(MOUNT, "again"))
    assert heard == ["over", "again"]
    assert "subscriber failed" in caplog.text
