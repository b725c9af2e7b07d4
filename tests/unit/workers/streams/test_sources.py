"""Who may send, decided by addresses."""

from workers.contract.image import SourceImage
from workers.sockets.addresses import IPV4, IPV6
from workers.streams.sources import AddressBook, PublisherPort


def at(port: int, host: str = "10.0.0.1") -> bytes:
    return IPV6.pack(host, port)


def test_the_declared_port_is_the_publishers_and_wins_over_a_latched_one() -> None:
    source = PublisherPort(IPV6, SourceImage())
    assert not source.knows(at(1))
    assert not source.may_latch(at(1))
    source.declare(at(5000))
    assert source.knows(at(5000))
    assert source.may_latch(at(6000))
    assert not source.may_latch(at(6000, "10.0.0.2"))
    source.latch(at(6000))
    assert source.expected == at(6000)
    assert source.block.startswith(at(6000) * 3)
    assert not source.may_latch(at(7000)), "only the first"
    source.on_packet(at(6000))
    assert source.expected == at(6000)
    source.on_packet(at(5000))
    assert source.expected == at(5000)
    assert not source.knows(at(6000))
    assert not source.may_latch(at(7000))
    source.declare(None)
    assert not source.knows(at(5000))


def test_a_batch_from_the_declared_port_ends_the_wait_for_another() -> None:
    source = PublisherPort(IPV4, SourceImage())
    source.declare(IPV4.pack("10.0.0.1", 5000))
    source.confirm()
    assert not source.may_latch(IPV4.pack("10.0.0.1", 6000))


def test_a_batch_from_a_latched_port_leaves_the_declared_one_its_right() -> None:
    source = PublisherPort(IPV6, SourceImage())
    source.declare(at(5000))
    source.latch(at(6000))
    source.confirm()
    source.on_packet(at(5000))
    assert source.expected == at(5000)


def test_the_book_finds_readers_and_whoever_was_not_heard() -> None:
    book: AddressBook[str] = AddressBook(IPV6)
    book.add(at(1), "a")
    book.add(at(1), "b")
    assert book.find(at(1)) == "b"
    book.remove(at(1), "b")
    assert book.find(at(1)) == "a"
    book.remove(at(1), "a")
    book.remove(at(1), "a")
    assert book.find(at(1)) is None
    book.await_sign(0, at(1), "a")
    assert book.only_unheard(0, at(99)) == "a"
    assert book.only_unheard(1, at(99)) is None
    assert book.only_unheard(0, at(99, "10.0.0.2")) is None
    book.await_sign(0, at(2), "b")
    assert book.only_unheard(0, at(99)) is None
    book.end_waiting(0, at(1), "a")
    book.end_waiting(0, at(1), "a")
    assert book.only_unheard(0, at(99)) == "b"
