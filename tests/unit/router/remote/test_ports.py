"""A client's pairs of UDP ports."""

import errno
import socket

import pytest

from router.remote.ports import bind_pair


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_pair_is_even_and_odd_and_never_blocks(host: str) -> None:
    rtp, rtcp = bind_pair(host)
    with rtp, rtcp:
        ports = [each.getsockname()[1] for each in (rtp, rtcp)]
        assert ports[0] % 2 == 0
        assert ports[1] == ports[0] + 1
        assert not rtp.getblocking()


@pytest.mark.parametrize("taken", [0, 1])
def test_a_pair_of_which_one_is_in_use_is_passed_over(taken: int) -> None:
    free, beside = bind_pair("127.0.0.1")
    number = (free.getsockname()[1] - 32_768) // 2
    (beside, free)[taken].close()
    with (free, beside)[taken]:
        rtp, rtcp = bind_pair("127.0.0.1", near=number)
        with rtp, rtcp:
            assert rtp.getsockname()[1] > 32_768 + 2 * number


def test_the_search_goes_on_from_the_beginning() -> None:
    pairs = (60_998 - 32_768) // 2
    rtp, rtcp = bind_pair("127.0.0.1", near=pairs - 1)
    with rtp, rtcp:
        other, beside = bind_pair("127.0.0.1", near=pairs - 1)
        with other, beside:
            assert other.getsockname()[1] < rtp.getsockname()[1]


def test_an_address_of_another_machine_is_told_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = socket.socket

    def counted(*arguments: int) -> socket.socket:
        made.append(real(*arguments))
        return made[-1]

    monkeypatch.setattr(socket, "socket", counted)
    with pytest.raises(OSError) as caught:  # noqa: PT011  # its number is looked at
        bind_pair("192.0.2.1")
    assert caught.value.errno == errno.EADDRNOTAVAIL
    assert len(made) == 2
    assert [each.fileno() for each in made] == [-1, -1]
