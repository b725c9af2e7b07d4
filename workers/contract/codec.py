"""Messages to bytes and back: the one place that knows msgpack, and the one that distrusts it.

On the wire an envelope is a msgpack array `[version, kind, front, worker, request, fields]`, where `kind` is the
message's class name and `fields` maps its fields by name, so that either side may be a version ahead: a field
that is not known is ignored, one that is missing takes its default or makes the message malformed.
"""

import types
from collections import deque
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack  # type: ignore[import-untyped]  # ships no types

from workers.contract import messages
from workers.contract.fields import AtMost, Between
from workers.contract.messages import PROTOCOL_VERSION, Message

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
"""A snapshot of the largest worker; anything else is a thousandth of it."""


class ContractError(Exception):
    """What came is not a message of this contract. Counted and dropped by whoever reads, never fatal."""


class UnreadableMessage(ContractError):
    """A whole envelope came, with a message inside that this version does not know, or that breaks its bounds: whoever
    waits for its reply can be told so."""

    def __init__(self, reason: str, front: str, worker: str, request: int) -> None:
        super().__init__(reason)
        self.front = front
        self.worker = worker
        self.request = request


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message with its senders' names.

    `front` and `worker` are incarnations, random for each start of a process; "" where not known yet.
    `request` ties a reply to its command; 0 for events.
    """

    front: str
    worker: str
    request: int
    message: Message


_Read = Callable[[Any], Any]
_Write = Callable[[Any], Any] | None
"""None where msgpack packs the value as it is."""
_Codec = tuple[_Read, _Write]
"""One type: how what came is checked and made, and the way back."""
Packed = TypeVar("Packed")


def _number(kind: type, bound: Between | None) -> _Read:
    accepted = (int, float) if kind is float else (kind,)

    def read(value: Any) -> Any:
        if type(value) not in accepted:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        if bound is not None and not bound.least <= value <= bound.most:
            raise ContractError(f"{value} is not between {bound.least} and {bound.most}")
        return value

    return read


def _sized(kind: type[str] | type[bytes], bound: AtMost | None) -> _Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        if bound is not None and len(value) > bound.length:
            raise ContractError(f"{len(value)} is longer than {bound.length}")
        return value

    return read


def _enum(kind: type[StrEnum]) -> _Read:
    def read(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError as error:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}") from error

    return read


def _sequence(kind: type, item: _Codec, bound: AtMost | None) -> _Codec:
    read_item, write_item = item

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise ContractError(f"{value!r:.40} is no list")
        if bound is not None and len(value) > bound.length:
            raise ContractError(f"{len(value)} items are more than {bound.length}")
        return kind([read_item(each) for each in value])

    if write_item is None:
        return read, list if kind is deque else None
    return read, lambda value: [write_item(each) for each in value]


def _fixed_tuple(items: list[_Read]) -> _Codec:
    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != len(items):
            raise ContractError(f"{value!r:.40} is no list of {len(items)}")
        return tuple([item(each) for item, each in zip(items, value, strict=True)])

    return read, None


def _union(kinds: list[type]) -> _Codec:
    """One of several records, each marked with its class name."""
    codecs = {kind.__name__: _record(kind) for kind in kinds}

    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != 2 or type(value[0]) is not str or value[0] not in codecs:
            raise ContractError(f"{value!r:.40} is none of {sorted(codecs)}")
        return codecs[value[0]][0](value[1])

    def write(value: Any) -> Any:
        name = type(value).__name__
        return [name, codecs[name][1](value)]

    return read, write


def _optional(codec: _Codec) -> _Codec:
    read, write = codec
    return (
        lambda value: None if value is None else read(value),
        write and (lambda value: None if value is None else write(value)),
    )


def _codec(hint: Any) -> _Codec:
    """Make the codec of one field's type."""
    bound: Any = None
    if get_origin(hint) is Annotated:
        hint, bound = get_args(hint)[:2]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        members = [each for each in arguments if each is not type(None)]
        codec = _union(members) if all(is_dataclass(each) for each in members) else _codec(members[0])
        return _optional(codec) if len(members) < len(arguments) else codec
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return _fixed_tuple([_codec(each)[0] for each in arguments])
    if origin in (list, deque, tuple):
        return _sequence(origin, _codec(arguments[0]), bound)
    if is_dataclass(hint):
        return _record(hint)  # type: ignore[arg-type]  # is_dataclass does not narrow Any to a class
    if issubclass(hint, StrEnum):
        return _enum(hint), None
    return (_number if hint in (int, float, bool) else _sized)(hint, bound), None


def _record(kind: type[Any]) -> tuple[_Read, Callable[[Any], dict[str, Any]]]:
    """Make the codec of a dataclass: a map of its fields."""
    hints = get_type_hints(kind, include_extras=True)
    codecs = [(each, *_codec(hints[each.name])) for each in fields(kind)]
    readers = [
        (each.name, read, each.default is MISSING and each.default_factory is MISSING) for each, read, _ in codecs
    ]
    writers = [(each.name, write) for each, _, write in codecs]

    def read_record(value: Any) -> Any:
        if type(value) is not dict:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        arguments = {}
        for name, read, required in readers:
            if name in value:
                arguments[name] = read(value[name])
            elif required:
                raise ContractError(f"{kind.__name__} without {name}")
        return kind(**arguments)

    def write_record(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) if write is None else write(getattr(value, name)) for name, write in writers}

    return read_record, write_record


_CODECS = {kind.__name__: _record(kind) for kind in get_args(messages.Message)}


def encode(envelope: Envelope) -> bytes:
    """Turn a message into the bytes of one ZeroMQ frame."""
    kind = type(envelope.message).__name__
    _, write = _CODECS[kind]
    packed: bytes = msgpack.packb(
        [PROTOCOL_VERSION, kind, envelope.front, envelope.worker, envelope.request, write(envelope.message)]
    )
    return packed


class Packer(Generic[Packed]):
    """Packs one kind of record for those that carry it and don't look into it: inside the bytes of a message."""

    def __init__(self, kind: type[Packed]) -> None:
        self._read, self._write = _record(kind)

    def pack(self, record: Packed) -> bytes:
        """Turn a record into bytes."""
        packed: bytes = msgpack.packb([PROTOCOL_VERSION, self._write(record)])
        return packed

    def unpack(self, data: bytes) -> Packed:
        """Turn the bytes back.

        Raises:
            ContractError: for anything else than such a record of this or the neighbouring version.
        """
        outer = _unpacked(data)
        if type(outer) is not list or len(outer) != 2:
            raise ContractError("no packed record")
        _check_version(outer[0])
        record: Packed = self._read(outer[1])
        return record


_check_name = _sized(str, AtMost(128))
_check_request = _number(int, Between(0, 2**63 - 1))


def decode(data: bytes | memoryview) -> Envelope:
    """Turn the bytes of one ZeroMQ frame into a message.

    Raises:
        ContractError: for anything else than a well-formed message of this or the neighbouring version
            (UnreadableMessage, where only the message itself is wrong).
    """
    outer = _unpacked(data)
    if type(outer) is not list or len(outer) != 6:
        raise ContractError("no envelope")
    version, kind, front, worker, request, body = outer
    _check_version(version)
    front, worker, request = _check_name(front), _check_name(worker), _check_request(request)
    if type(kind) is not str or kind not in _CODECS:
        raise UnreadableMessage(f"unknown message {kind!r:.40}", front, worker, request)
    try:
        return Envelope(front, worker, request, _CODECS[kind][0](body))
    except ContractError as error:
        raise UnreadableMessage(str(error), front, worker, request) from error


def _unpacked(data: bytes | memoryview) -> Any:
    if len(data) > MAX_MESSAGE_BYTES:
        raise ContractError(f"{len(data)} bytes are more than {MAX_MESSAGE_BYTES}")
    try:
        return msgpack.unpackb(data, strict_map_key=True)
    except Exception as error:  # msgpack leaks a dozen kinds on hostile input: UnicodeDecodeError, RecursionError ...
        raise ContractError(f"not msgpack: {type(error).__name__}") from error


def _check_version(version: Any) -> None:
    if type(version) is not int or abs(version - PROTOCOL_VERSION) > 1:
        raise ContractError(f"protocol version {version!r:.20} is not {PROTOCOL_VERSION} or its neighbour")
