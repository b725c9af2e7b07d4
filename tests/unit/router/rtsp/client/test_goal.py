"""What is wanted, as requests."""

import pytest

from router.rtsp.client import LocalError, Offer
from router.rtsp.client.goal import Goal
from tests.unit.router.rtsp.client.server_cases import SDP

URL = "rtsp://h/cam"


def test_nothing_is_asked_for_before_anything_is_wanted() -> None:
    assert Goal().beginning(URL) == []


def test_a_reader_begins_with_the_description() -> None:
    goal = Goal(reads=True)
    assert [each.method for each in goal.beginning(URL)] == ["DESCRIBE"]
    goal.want_tracks([Offer(1)], 2)
    asked = goal.playing(f"{URL}/", [f"{URL}/a", f"{URL}/b"])
    assert [(each.method, each.url) for each in asked] == [("SETUP", f"{URL}/b"), ("PLAY", f"{URL}/")]
    assert goal.again(URL, f"{URL}/", [f"{URL}/a", f"{URL}/b"]) == asked


def test_a_publisher_says_all_at_once() -> None:
    goal = Goal()
    goal.want_published(SDP, [Offer(0, (5000, 5001)), Offer(1)])
    asked = goal.beginning(URL)
    assert [each.method for each in asked] == ["ANNOUNCE", "SETUP", "SETUP", "RECORD"]
    assert (goal.offers_udp(0), goal.offers_udp(1)) == (True, False)
    goal.over_tcp = True
    again = goal.again(URL, URL, [])
    assert [each.method for each in again] == ["SETUP", "SETUP", "RECORD"]
    assert all("TCP" in dict(each.headers)["Transport"] for each in again[:2])
    assert not goal.offers_udp(0)


@pytest.mark.parametrize("tracks", [(), (2,), (-1,), (0, 0)])
def test_tracks_that_are_not_there_are_ours(tracks: tuple[int, ...]) -> None:
    with pytest.raises(LocalError):
        Goal().want_tracks([Offer(each) for each in tracks], 2)
