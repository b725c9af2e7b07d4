"""What all formats have: a payload type, an encoding with a clock rate, and fmtp parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from router.description.errors import DescriptionError, shown
from router.description.formats.parameters import parameters_of, split_fmtp
from router.description.text import check_trimmed_text
from router.rtsp.digits import read_number
from router.rtsp.sdp import Rtpmap, parse_rtpmap

_DYNAMIC = (*range(35, 72), *range(77, 128))
"""First 96 to 127, then what has no encoding (RFC 3551 section 3); 72 to 76 would look like RTCP (RFC 5761)."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """An encoding under a payload type, 0 to 127.

    `extra` are fmtp parameters that no field stands for, each as it is written (`name=value`).

    Raises:
        DescriptionError: if a value isn't allowed.
    """

    payload_type: int
    extra: Sequence[str] = ()

    kind: ClassVar[str | None] = None
    """Which media may have it; None for any."""
    encodings: ClassVar[tuple[str, ...]] = ()
    """The names in an rtpmap that stand for it, the usual one first."""
    static: ClassVar[Mapping[int, str]] = {}
    """The rtpmaps that its static payload types stand for (RFC 3551 section 6)."""
    other_parameters: ClassVar[tuple[str, ...]] = ()
    """Names of fmtp parameters that are more than one field, and so not declared on a field."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", as_tuple(self._where, "extra", self.extra))
        self._check_payload_type()
        for field, parameter in parameters_of(self).items():
            value = getattr(self, field)
            if value != parameter.absent and not parameter.allows(value):
                self._refuse(f"{parameter.name} is {shown(value)}", parameter.allowed)
        self._check()
        if self.payload_type in self.static and self.rtpmap != self.static[self.payload_type]:
            allowed = f"{self.static[self.payload_type]}, or a dynamic payload type"
            self._refuse(f"payload type {self.payload_type} with {self.rtpmap}", allowed)
        self._check_extra()

    @property
    def encoding(self) -> str:
        """The encoding's name in an rtpmap."""
        return self.encodings[0]

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate, in Hz."""
        return 90_000

    @property
    def rtpmap(self) -> str | None:
        """What stands behind the payload type in `a=rtpmap`; None if there is no such line."""
        return f"{self.encoding}/{self.clock_rate}"

    @property
    def fmtp(self) -> str | None:
        """What stands behind the payload type in `a=fmtp`; None if there is no such line."""
        declared = [(each, getattr(self, field)) for field, each in parameters_of(self).items()]
        written = [f"{each.name}={each.write(value)}" for each, value in declared if value != each.absent]
        others = [f"{name}={value}" for name, value in self._write_other_parameters().items()]
        return "; ".join([*written, *others, *self.extra]) or None

    @property
    def parameters(self) -> dict[str, str]:
        """All fmtp parameters: names in lower case and values as they are written."""
        return {name: value for name, value, _ in split_fmtp(self.fmtp)}

    @classmethod
    def from_sdp(cls, payload_type: int, rtpmap: Rtpmap, fmtp: str | None) -> Self:
        """Read it from an rtpmap, which must be of one of its encodings, and an fmtp.

        Raises:
            DescriptionError: if a value isn't allowed.
        """
        fields = cls._read_rtpmap(rtpmap) | cls._read_fmtp(fmtp)
        read = cls(payload_type=payload_type, **fields)
        if read.clock_rate != rtpmap.clock_rate:
            read._refuse(f"the clock rate is {rtpmap.clock_rate} Hz", f"{read.clock_rate} Hz")
        return read

    @property
    def _where(self) -> str:
        return type(self).__name__

    def _refuse(self, what: str, allowed: str) -> None:
        raise DescriptionError(self._where, what, allowed)

    def _check(self) -> None:
        """Refuse what the declared parameters alone don't."""

    def _check_payload_type(self) -> None:
        if type(self.payload_type) is not int or self.payload_type not in (*self.static, *_DYNAMIC):
            static = "".join(f"{each}, " for each in self.static)
            self._refuse(f"payload type {shown(self.payload_type)}", f"{static}96 to 127, 35 to 71, 77 to 95")

    def _check_extra(self) -> None:
        known = self._known_names()
        for text in self.extra:
            check_trimmed_text(f"{self._where}, extra", text)
            if ";" in text or any(name in known for name, _, _ in split_fmtp(text)):
                self._refuse(f"{shown(text)} is extra", "single parameters that no field stands for")

    @classmethod
    def _known_names(cls) -> set[str]:
        return {*(each.name.lower() for each in parameters_of(cls).values()), *cls.other_parameters}

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        return {}

    @classmethod
    def _read_fmtp(cls, fmtp: str | None) -> dict[str, Any]:
        known = cls._known_names()
        parts = list(split_fmtp(fmtp))
        # Cameras write parameters that they have no value for, such as `config=`.
        values = {name: value for name, value, _ in reversed(parts) if name in known and value}
        fields: dict[str, Any] = {"extra": tuple(text for name, _, text in parts if name not in known)}
        for field, parameter in parameters_of(cls).items():
            text = values.get(parameter.name.lower())
            fields[field] = parameter.absent if text is None else parameter.read(text)
            if text is not None and fields[field] is None:
                raise DescriptionError(cls.__name__, f"{parameter.name} is {shown(text)}", parameter.allowed)
        return fields | cls._read_other_parameters(values)

    @classmethod
    def _read_other_parameters(cls, values: Mapping[str, str]) -> dict[str, Any]:
        return {}

    def _write_other_parameters(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Video(Format):
    """A video format, with RTP's usual clock of 90 kHz for it."""

    kind = "video"


@dataclass(frozen=True, kw_only=True)
class Audio(Format):
    """An audio format: `sample_rate` in Hz is RTP's clock rate too, `channels` are 1 to 255."""

    sample_rate: int
    channels: int = 1

    kind = "audio"

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate, in Hz."""
        return self.sample_rate

    @property
    def rtpmap(self) -> str:
        """What stands behind the payload type in `a=rtpmap`; one channel isn't written (RFC 4566 section 6)."""
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.encoding}/{self.clock_rate}{channels}"

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        channels = read_number(rtpmap.parameters or "1", 1, 255)
        if channels is None:
            raise DescriptionError(cls.__name__, f"channels are {shown(rtpmap.parameters)}", "1 to 255")
        return {"sample_rate": rtpmap.clock_rate, "channels": channels}

    def _check(self) -> None:
        if type(self.sample_rate) is not int or parse_rtpmap(f"x/{self.sample_rate}") is None:
            self._refuse(f"the sample rate is {shown(self.sample_rate)}", "1 to 2147483648 Hz")
        if type(self.channels) is not int or not 1 <= self.channels <= 255:
            self._refuse(f"channels are {shown(self.channels)}", "1 to 255")


def as_tuple(where: str, what: str, items: object) -> tuple[Any, ...]:
    """Keep a sequence of parts as a tuple; text is none.

    Raises:
        DescriptionError: if it is no sequence.
    """
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise DescriptionError(where, f"{what} is {shown(items)}", "a list or a tuple")
    return tuple(items)
