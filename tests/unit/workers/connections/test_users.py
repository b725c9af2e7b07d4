"""Who uses a connection: told of its end, given its channels, and known by name."""

from workers.connections.users import ConnectionUser, Users
from workers.runtime.counters import Counters, Drop


def user(path: str, ended: list[str]) -> ConnectionUser:
    return ConnectionUser(path, f"reader of {path}", lambda: ended.append(path))


def test_payloads_go_to_whoever_has_their_channel() -> None:
    counters, came = Counters(), []
    users = Users(counters, lambda media: None)
    first, second = user("/a", []), user("/b", [])
    for each, channel in ((first, 0), (second, 2)):
        users.add(each)
        users.route(channel, each, lambda payloads, now, channel=channel: came.append((channel, payloads)))  # type: ignore[misc]  # bound now
    users.deliver({0: [b"1", b"2"], 2: [b"3"], 4: [b"4", b"5"]}, 0.0)
    assert came == [(0, [b"1", b"2"]), (2, [b"3"])]
    assert counters.drops[Drop.UNKNOWN_CHANNEL] == 2
    users.remove(first)
    users.deliver({0: [b"6"]}, 0.0)
    assert counters.drops[Drop.UNKNOWN_CHANNEL] == 3


def test_the_first_and_the_last_are_told() -> None:
    told: list[bool] = []
    users = Users(Counters(), told.append)
    first, second = user("/a", []), user("/b", [])
    for each in (first, first, second):
        users.add(each)
    assert (list(users), str(users), told) == ([first, second], "reader of /a, reader of /b", [True])
    for each in (first, second, second):
        users.remove(each)
    assert (bool(users), str(users), told) == (False, "the peer", [True, False])


def test_all_are_forgotten_at_the_end() -> None:
    ended: list[str] = []
    users = Users(Counters(), lambda media: None)
    for path in ("/a", "/b"):
        users.add(user(path, ended))
    for each in users.take_all():
        each.on_end()
    assert (ended, list(users)) == (["/a", "/b"], [])
