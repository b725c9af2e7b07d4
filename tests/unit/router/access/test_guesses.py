"""How fast passwords can be guessed."""

from router.access.guesses import BURST, MAX_KEYS, Guesses

NOW = 1000.0
ATTACKER, VICTIM = "192.0.2.66", "192.0.2.1"


def fail(guesses: Guesses, host: str, user: str, times: int, now: float = NOW) -> None:
    for _ in range(times):
        guesses.failed(guesses.begin(host, user, now), now)


def guessed_within(seconds: float, hosts: list[str], users: list[str]) -> int:
    """Count what guessers on many connections get judged, who ask again a hundred times a second."""
    guesses, count = Guesses(1.0), 0
    for step in range(int(seconds * 100)):
        now = NOW + step / 100
        for host in hosts:
            for user in users:
                if guesses.wait_s(host, user, now) == 0:
                    fail(guesses, host, user, 1, now)
                    count += 1
    return count


def test_a_host_is_bounded_whatever_the_users() -> None:
    assert guessed_within(20, [ATTACKER], [f"user{index}" for index in range(50)]) <= BURST + 21


def test_a_user_is_bounded_whatever_the_hosts() -> None:
    assert guessed_within(20, [f"192.0.2.{index}" for index in range(50)], ["admin"]) <= BURST + 21


def test_the_addresses_of_one_ipv6_network_are_one_host() -> None:
    guesses = Guesses(1.0)
    for index in range(BURST):
        fail(guesses, f"2001:db8::{index:x}", f"user{index}", 1)
    assert guesses.wait_s("2001:db8::ffff", "x", NOW) > 0
    assert guesses.wait_s("2001:db8:0:1::1", "x", NOW) == 0
    fail(guesses, "fe80::1%eth0", "x", 1)


def test_right_passwords_cost_nothing() -> None:
    guesses = Guesses(1.0)
    under_way = [guesses.begin(VICTIM, f"user{index}", NOW) for index in range(500)]
    for each in under_way:
        guesses.succeeded(each)
    assert guesses.wait_s(VICTIM, "another", NOW) == 0


def test_many_at_once_are_bounded_in_what_follows() -> None:
    """Those that are judged at the same time (by a slow hook) all count, and of those that wait one goes on."""
    guesses = Guesses(1.0)
    for each in [guesses.begin(ATTACKER, "admin", NOW) for _ in range(200)]:
        guesses.failed(each, NOW)
    now = NOW + guesses.wait_s(ATTACKER, "admin", NOW)
    assert now == NOW + 200 - BURST + 1
    guesses.begin(ATTACKER, "admin", now)
    assert guesses.wait_s(ATTACKER, "admin", now) == 1.0


def test_who_logged_in_before_is_not_locked_out_by_guessers() -> None:
    guesses = Guesses(1.0)
    guesses.succeeded(guesses.begin(VICTIM, "ann", NOW))
    fail(guesses, ATTACKER, "ann", 100)
    fail(guesses, VICTIM, "bob", 100)  # a guesser behind the same address
    assert guesses.wait_s(VICTIM, "ann", NOW) == 0
    assert guesses.wait_s(VICTIM, "bob", NOW) > 0
    assert guesses.wait_s("192.0.2.2", "ann", NOW) > 0
    fail(guesses, VICTIM, "ann", BURST)
    assert guesses.wait_s(VICTIM, "ann", NOW) == 1.0


def test_what_is_dropped_is_no_failure() -> None:
    guesses = Guesses(1.0)
    fail(guesses, VICTIM, "ann", 1)
    for _ in range(100):
        guesses.dropped(guesses.begin(VICTIM, "ann", NOW))
    fail(guesses, VICTIM, "ann", BURST - 2)
    assert guesses.wait_s(VICTIM, "ann", NOW) == 0
    fail(guesses, VICTIM, "ann", 1)
    assert guesses.wait_s(VICTIM, "ann", NOW) > 0


def test_no_interval_bounds_nothing() -> None:
    guesses = Guesses(0.0)
    fail(guesses, ATTACKER, "ann", 100)
    assert guesses.wait_s(ATTACKER, "ann", NOW) == 0


def test_memory_is_bounded() -> None:
    guesses = Guesses(1.0)
    fail(guesses, ATTACKER, "ann", BURST)
    for index in range(MAX_KEYS // 2 - 1):
        fail(guesses, f"host{index}", f"user{index}", 1)
    assert guesses.wait_s(ATTACKER, "ann", NOW) > 0
    fail(guesses, "another", "x" * 10_000, 1)
    assert guesses.wait_s(ATTACKER, "ann", NOW) == 0
