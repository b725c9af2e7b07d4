"""Parameter sets, which a decoder needs ahead of the first picture (RFC 6184 and RFC 7798, `sprop-`)."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from router.description.errors import shown
from router.description.formats.base import Video, as_tuple


@dataclass(frozen=True, kw_only=True)
class ParameterSetVideo(Video):
    """Video with parameter sets: NAL units without start codes. `more_sets` are those after the first of each type."""

    more_sets: Sequence[bytes] = ()

    set_fields: ClassVar[Mapping[str, int]]
    """The NAL unit type of each field."""
    set_types: ClassVar[Mapping[int, str]]
    """The fmtp parameter that holds NAL units of a type."""
    set_least_bytes: ClassVar[int]

    @classmethod
    def nal_type(cls, unit: bytes) -> int | None:
        """Return the type in the header of a NAL unit; None where its forbidden bit is set."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        more = as_tuple(self._where, "more_sets", self.more_sets)
        for unit in more:
            self._check_set("more_sets", unit, self.set_types)
        names = list(self.set_types.values())
        more = tuple(sorted(more, key=lambda unit: names.index(self._parameter_of(unit))))
        object.__setattr__(self, "more_sets", more)
        super().__post_init__()

    def _check(self) -> None:
        for field, nal_type in self.set_fields.items():
            unit = getattr(self, field)
            if unit is not None:
                self._check_set(field, unit, [nal_type])
            elif any(self.nal_type(each) == nal_type for each in self.more_sets):
                self._refuse(f"more_sets has type {nal_type} and {field} is None", f"the first one in {field}")

    def _check_set(self, field: str, unit: object, types: Mapping[int, str] | list[int]) -> None:
        if not isinstance(unit, bytes) or not self._is_set(unit) or self.nal_type(unit) not in types:
            kinds = " or ".join(str(each) for each in types)
            allowed = f"a NAL unit of type {kinds}, without start code, of at least {self.set_least_bytes} bytes"
            self._refuse(f"{field} is {shown(unit)}", allowed)

    @classmethod
    def _is_set(cls, unit: bytes) -> bool:
        return len(unit) >= cls.set_least_bytes and cls.nal_type(unit) in cls.set_types

    @classmethod
    def _parameter_of(cls, unit: bytes) -> str:
        return cls.set_types[cls.nal_type(unit) or 0]

    @classmethod
    def _read_other_parameters(cls, values: Mapping[str, str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        more: list[bytes] = []
        for name in dict.fromkeys(cls.set_types.values()):
            for unit in _read_sets(values.get(name, "")):
                # Cameras announce placeholders and cut-off sets; decoders find the real ones in the stream.
                if not cls._is_set(unit) or cls._parameter_of(unit) != name:
                    continue
                field = next((each for each, nal_type in cls.set_fields.items() if nal_type == cls.nal_type(unit)), "")
                if field and field not in fields:
                    fields[field] = unit
                else:
                    more.append(unit)
        return fields | {"more_sets": tuple(more)}

    def _write_other_parameters(self) -> dict[str, str]:
        units = [*(getattr(self, field) for field in self.set_fields), *self.more_sets]
        texts: dict[str, list[str]] = {name: [] for name in self.set_types.values()}
        for unit in units:
            if unit is not None:
                texts[self._parameter_of(unit)].append(b64encode(unit).decode())
        return {name: ",".join(each) for name, each in texts.items() if each}


def _read_sets(text: str) -> Iterator[bytes]:
    for part in text.split(","):
        bare = part.strip().rstrip("=")
        try:
            unit = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        except ValueError:
            continue
        # Some cameras leave the start code in front.
        yield unit.removeprefix(b"\0\0\0\1").removeprefix(b"\0\0\1")
