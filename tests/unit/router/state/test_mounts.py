"""Mounts by their paths, with their replicas, up to the limit."""

from typing import cast

import pytest

from router.link.worker import Worker
from router.rtsp.errors import PeerError
from router.state.mount_state import MountState
from router.state.mounts import ENCODING_CHARACTERS, LONGEST_PATH, Mount, Mounts, Replica, replica_path
from tests.unit.router.state.people import SDP, described


def replica_of(mount: Mount, name: str) -> Replica:
    return Replica(name, mount, replica_path(name, mount.path), cast("Worker", object()))


def test_so_many_mounts_and_no_more_until_one_ends() -> None:
    mounts = Mounts(2)
    first = mounts.add("/a", SDP, 0.0)
    mounts.add("/b", SDP, 0.0)
    with pytest.raises(PeerError, match="all 2 mounts are taken") as caught:
        mounts.add("/c", SDP, 0.0)
    assert caught.value.status == 503
    mounts.remove(first)
    assert (first.closed, first.state, mounts.get("/a")) == (True, MountState.CLOSED, None)
    assert mounts.add("/c", SDP, 0.0) in list(mounts)


def test_each_mount_is_newer_than_all_before_also_those_of_an_earlier_front() -> None:
    mounts = Mounts(10)
    first = mounts.add("/a", SDP, 0.0)
    earlier = Mount("/old", first.generation + 5, 0.0, SDP)
    mounts.restore(earlier)
    assert mounts.get("/old") is earlier
    assert mounts.add("/b", SDP, 0.0).generation > earlier.generation > first.generation


def test_an_ended_mount_leaves_its_successor_alone() -> None:
    mounts = Mounts(10)
    first = mounts.add("/a", SDP, 0.0)
    mounts.remove(first)
    second = mounts.add("/a", SDP, 0.0)
    first.placement.close()
    assert mounts.get("/a") is second


def test_replicas_are_places_of_their_own_and_end_with_their_mount() -> None:
    mounts = Mounts(10)
    mount = mounts.add("/a", SDP, 0.0)
    one, two = replica_of(mount, "one"), replica_of(mount, "two")
    for each in (one, two):
        mounts.add_replica(each)
    assert mounts.places() == [mount, one, two]
    assert mounts.place("replica:one:/a") is one
    assert mounts.place("/a") is mount
    mounts.remove_replica(one)
    assert (one.closed, mount.replicas, mounts.replicas()) == (True, [two], [two])
    mounts.remove(mount)
    assert (two.closed, mounts.places()) == (True, [])


def test_a_replicas_path_is_no_urls_and_fits_into_the_contract() -> None:
    longest = "/" + "a" * (LONGEST_PATH - 1)
    assert len(replica_path("name", longest)) == LONGEST_PATH
    assert replica_path("one", longest) != replica_path("two", longest)
    assert not replica_path("one", "/a").startswith("/")


def test_workers_are_told_what_each_track_may_carry() -> None:
    name = "x" * (ENCODING_CHARACTERS + 1)
    lines = (
        f"m=video 0 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 {name}/1000\r\n"
        "m=audio 0 RTP/AVP 0\r\na=sendonly\r\n"
    )
    video, audio = Mounts(1).add("/a", described(lines), 0.0).tracks()
    assert [(each.payload_type, each.clock_rate, each.encoding) for each in video.formats] == [
        (96, 90_000, "H264"),
        (97, 1000, name[:ENCODING_CHARACTERS]),
    ]
    assert [(each.payload_type, each.clock_rate) for each in audio.formats] == [(0, 8000)]
    assert (video.back_channel, audio.back_channel) == (False, True)


def test_only_another_description_has_another_version() -> None:
    mount = Mounts(1).add("/a", SDP, 0.0)
    mount.describe(SDP)
    assert mount.description_version == 1
    mount.describe(described("m=audio 0 RTP/AVP 0\r\n"))
    assert mount.description_version == 2
