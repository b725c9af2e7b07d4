"""The bounds of fields: the last value that passes, and the first that does not."""

from dataclasses import dataclass
from typing import Any

import pytest

from workers.contract.codec import ContractError, Packer
from workers.contract.fields import Blob, Channel, Count, Host, Image, Index, Name, Path, Port, Seconds, Text


@dataclass(frozen=True, slots=True)
class OfEach:
    count: Count = 0
    index: Index = 0
    port: Port = 0
    channel: Channel = 0
    seconds: Seconds = 0.0
    name: Name = ""
    path: Path = ""
    host: Host = ""
    text: Text = ""
    image: Image = b""
    blob: Blob = b""


PACKER = Packer(OfEach)


def of(field: str, value: Any) -> OfEach:
    return OfEach(**{field: value})


@pytest.mark.parametrize(
    ("field", "most"),
    [("count", 2**63 - 1), ("index", 4095), ("port", 65_535), ("channel", 255), ("seconds", 1e9)],
)
def test_numbers_are_between_zero_and_the_most(field: str, most: float) -> None:
    for value in (type(most)(0), most):
        record = of(field, value)
        assert PACKER.unpack(PACKER.pack(record)) == record
    for value in (-1, most + 1):
        with pytest.raises(ContractError, match=f"^{value} is not between 0 and {most}$"):
            PACKER.unpack(PACKER.pack(of(field, value)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -5e-324])
def test_seconds_are_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ContractError, match="is not between"):
        PACKER.unpack(PACKER.pack(OfEach(seconds=value)))


def test_seconds_may_be_whole_and_counts_may_not_be_fractions() -> None:
    assert PACKER.unpack(PACKER.pack(OfEach(seconds=5))).seconds == 5
    with pytest.raises(ContractError, match=r"^5\.0 is no int$"):
        PACKER.unpack(PACKER.pack(OfEach(count=5.0)))  # type: ignore[arg-type]  # what a stranger may write


@pytest.mark.parametrize(
    ("field", "unit", "most"),
    [
        ("name", "é", 128),
        ("path", "é", 2048),
        ("host", "é", 64),
        ("text", "é", 1024),
        ("blob", b"x", 4 * 1024 * 1024),
        ("image", b"x", 64 * 1024 * 1024),
    ],
)
def test_strings_are_measured_in_characters_and_bytes_in_bytes(field: str, unit: Any, most: int) -> None:
    record = of(field, unit * most)
    assert PACKER.unpack(PACKER.pack(record)) == record
    with pytest.raises(ContractError, match=f"^{most + 1} is longer than {most}$"):
        PACKER.unpack(PACKER.pack(of(field, unit * (most + 1))))
