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


_Check = Callable[[Any], Any]
Packed = TypeVar("Packed")


def _number(kind: type, bound: Between | None) -> _Check:
    accepted = (int, float) if kind is float else (kind,)

    def check(value: Any) -> Any:
        if type(value) not in accepted:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        if bound is not None and not bound.least <= value <= bound.most:
            raise ContractError(f"{value} is not between {bound.least} and {bound.most}")
        return value

    return check


def _sized(kind: type[str] | type[bytes], bound: AtMost | None) -> _Check:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        length = len(value)
        if bound is not None and length > bound.length:
            raise ContractError(f"{length} is longer than {bound.length}")
        return value

    return check


def _sequence(kind: type[Any], item: _Check, bound: AtMost | None) -> _Check:
    def check(value: Any) -> Any:
        if type(value) is not list:
            raise ContractError(f"{value!r:.40} is no list")
        if bound is not None and len(value) > bound.length:
            raise ContractError(f"{len(value)} items are more than {bound.length}")
        return kind([item(each) for each in value])

    return check


def _fixed_tuple(items: list[_Check]) -> _Check:
    def check(value: Any) -> Any:
        if type(value) is not list or len(value) != len(items):
            raise ContractError(f"{value!r:.40} is no list of {len(items)}")
        return tuple([item(each) for item, each in zip(items, value, strict=True)])

    return check


def _enum(kind: type[StrEnum]) -> _Check:
    def check(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError as error:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}") from error

    return check


def _union(classes: list[type], optional: bool) -> _Check:
    """Check one of several records, each marked with its class name, or None where that is allowed."""
    by_name = {each.__name__: _record(each) for each in classes}

    def check(value: Any) -> Any:
        if value is None and optional:
            return None
        if type(value) is not list or len(value) != 2 or type(value[0]) is not str or value[0] not in by_name:
            raise ContractError(f"{value!r:.40} is none of {sorted(by_name)}")
        return by_name[value[0]](value[1])

    return check


def _checker(hint: Any) -> _Check:
    """Make the check for one field's type."""
    bound: Any = None
    if get_origin(hint) is Annotated:
        hint, bound = get_args(hint)[:2]
    if get_origin(hint) in (Union, types.UnionType):
        members = [each for each in get_args(hint) if each is not type(None)]
        optional = len(members) < len(get_args(hint))
        if all(is_dataclass(each) for each in members):
            return _union(members, optional)
        (member,) = members
        inner = _checker(member)
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) in (list, deque):
        return _sequence(get_origin(hint), _checker(get_args(hint)[0]), bound)
    if get_origin(hint) is tuple:
        item, *rest = get_args(hint)
        if rest == [Ellipsis]:
            return _sequence(tuple, _checker(item), bound)
        return _fixed_tuple([_checker(each) for each in (item, *rest)])
    if is_dataclass(hint):
        return _record(hint)  # type: ignore[arg-type]  # is_dataclass does not narrow Any to a class
    if issubclass(hint, StrEnum):
        return _enum(hint)
    if hint in (int, float, bool):
        return _number(hint, bound)
    return _sized(hint, bound)


def _record(kind: type[Any]) -> _Check:
    """Make the check that builds one dataclass out of the map that came."""
    hints = get_type_hints(kind, include_extras=True)
    checks = [
        (each.name, _checker(hints[each.name]), each.default is MISSING and each.default_factory is MISSING)
        for each in fields(kind)
    ]

    def check(value: Any) -> Any:
        if type(value) is not dict:
            raise ContractError(f"{value!r:.40} is no {kind.__name__}")
        arguments = {}
        for name, field_check, required in checks:
            if name in value:
                arguments[name] = field_check(value[name])
            elif required:
                raise ContractError(f"{kind.__name__} without {name}")
        return kind(**arguments)

    return check


def _plain(hint: Any) -> Callable[[Any], Any] | None:
    """Make the way back: a field's value to what msgpack packs; None where it packs it as it is."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        members = [each for each in get_args(hint) if isinstance(each, type) and is_dataclass(each)]
        if not members:
            return None
        writers = {each: (each.__name__, _writer(each)) for each in members}

        def write_union(value: Any) -> Any:
            if value is None:
                return None
            name, writer = writers[type(value)]
            return [name, writer(value)]

        return write_union
    if get_origin(hint) in (tuple, list, deque):
        item, *rest = get_args(hint)
        plain = _plain(item)
        if plain is None or (rest and rest != [Ellipsis]):
            return list if get_origin(hint) is deque else None
        return lambda value: [plain(each) for each in value]
    return _writer(hint) if is_dataclass(hint) else None  # type: ignore[arg-type]  # as above


def _writer(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    plains = [(each.name, _plain(hints[each.name])) for each in fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) if plain is None else plain(getattr(value, name)) for name, plain in plains}

    return write


_KINDS: dict[str, type[Message]] = {each.__name__: each for each in get_args(messages.Message)}
_READERS = {name: _record(kind) for name, kind in _KINDS.items()}
_WRITERS = {kind: (name, _writer(kind)) for name, kind in _KINDS.items()}


def encode(envelope: Envelope) -> bytes:
    """Turn a message into the bytes of one ZeroMQ frame."""
    kind, write = _WRITERS[type(envelope.message)]
    packed: bytes = msgpack.packb(
        [PROTOCOL_VERSION, kind, envelope.front, envelope.worker, envelope.request, write(envelope.message)]
    )
    return packed


class Packer(Generic[Packed]):
    """Packs one kind of record for those that carry it and don't look into it: inside the bytes of a message."""

    def __init__(self, kind: type[Packed]) -> None:
        self._check = _record(kind)
        self._write = _writer(kind)

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
        record: Packed = self._check(outer[1])
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
    if type(kind) is not str or kind not in _READERS:
        raise UnreadableMessage(f"unknown message {kind!r:.40}", front, worker, request)
    try:
        return Envelope(front, worker, request, _READERS[kind](body))
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
