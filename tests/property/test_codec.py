"""Whatever comes in on the ZeroMQ socket: a message, or one kind of error."""

import contextlib

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.contract.test_codec import MESSAGES
from workers.contract.codec import ContractError, Envelope, decode, encode

SEEDS = [encode(Envelope("front", "worker", 7, message)) for message in MESSAGES]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def try_to_decode(data: bytes) -> None:
    with contextlib.suppress(ContractError):
        decode(data)


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    try_to_decode(data)


@given(st.sampled_from(SEEDS), st.data())
def test_messages_with_bytes_changed(seed: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 5))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    try_to_decode(bytes(spoilt))
    try_to_decode(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]))


@given(st.sampled_from(SEEDS), st.data())
def test_messages_with_fields_changed(seed: bytes, data: st.DataObject) -> None:
    envelope = msgpack.unpackb(seed)
    if envelope[5]:
        envelope[5][data.draw(st.sampled_from(sorted(envelope[5])))] = data.draw(VALUES)
    else:
        envelope[data.draw(st.integers(0, 5))] = data.draw(VALUES)
    try_to_decode(msgpack.packb(envelope))
