"""The Transport header (RFC 2326 section 12.39)."""

import re
from dataclasses import dataclass

from router.rtsp.digits import read_number
from router.rtsp.errors import LocalError, PeerError

MAX_SPECS = 16
"""Transports that one SETUP may offer; players offer up to four."""

_TCP = "RTP/AVP/TCP"
_UDP = ("RTP/AVP", "RTP/AVP/UDP")
_SPEC = re.compile(r'(?:[^,"]|"[^"]*")+')  # commas stand inside of quotes too: mode="PLAY,RECORD"
_PARAMETER = re.compile(r'(?:[^;"]|"[^"]*")+')
_SSRC = re.compile(r"[0-9A-Fa-f]{1,8}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f;,\"]")

Pair = tuple[int, int]
"""RTP first, RTCP second: of ports or of channels."""


@dataclass(frozen=True, slots=True)
class TransportSpec:
    """One way to carry one track, as a client offers it or a server grants it; what isn't said is None.

    `mode` is "play" or "record", or another word in lower case.
    """

    tcp: bool = False
    multicast: bool = False
    client_port: Pair | None = None
    interleaved: Pair | None = None
    server_port: Pair | None = None
    port: Pair | None = None
    destination: str | None = None
    source: str | None = None
    ssrc: int | None = None
    mode: str | None = None
    ttl: int | None = None


def parse_transports(value: str) -> tuple[TransportSpec, ...]:
    """Read the header's value: what the client offers, in its order, without the profiles that nobody serves here.

    Raises:
        PeerError: 400 where the syntax is broken.
    """
    if value.count('"') % 2:
        raise PeerError(400, "Transport has an open quote")
    texts = [text for text in _SPEC.findall(value) if text.strip()]
    if not texts:
        raise PeerError(400, "Transport is empty")
    if len(texts) > MAX_SPECS:
        raise PeerError(400, f"Transport offers more than {MAX_SPECS}")
    specs = [_parse_spec(text) for text in texts]
    return tuple(spec for spec in specs if spec is not None)


def format(spec: TransportSpec) -> str:
    """Write one transport.

    Raises:
        LocalError: if an address or a mode can't stand in the header.
    """
    parts = [_TCP if spec.tcp else _UDP[0], "multicast" if spec.multicast else "unicast"]
    parameters: list[tuple[str, str | None]] = [
        ("destination", spec.destination),
        ("source", spec.source),
        ("interleaved", _format_pair(spec.interleaved)),
        ("port", _format_pair(spec.port)),
        ("client_port", _format_pair(spec.client_port)),
        ("server_port", _format_pair(spec.server_port)),
        ("ttl", None if spec.ttl is None else str(spec.ttl)),
        ("ssrc", None if spec.ssrc is None else f"{spec.ssrc:08X}"),
        ("mode", spec.mode),
    ]
    for name, value in parameters:
        if value is None:
            continue
        if _UNSAFE.search(value):
            raise LocalError(f"{value!r:.40} can't stand in Transport")
        parts.append(f'mode="{value.upper()}"' if name == "mode" else f"{name}={value}")
    return ";".join(parts)


def _parse_spec(text: str) -> TransportSpec | None:
    parts = [part.strip() for part in _PARAMETER.findall(text)]
    # The profile comes first by the RFC; some clients put parameters before it.
    profile = next((part.upper() for part in parts if "/" in part.partition("=")[0]), None)
    if profile is None:
        raise PeerError(400, "Transport without a profile")
    if profile not in (_TCP, *_UDP):
        return None
    values: dict[str, str] = {}
    for part in parts:
        name, _, given = part.partition("=")
        values.setdefault(name.strip().lower(), given.strip(' \t"'))
    # RFC 2326 makes multicast the default; clients that say neither (Genetec, over TCP) mean unicast.
    return TransportSpec(
        tcp=profile == _TCP,
        multicast="multicast" in values,
        client_port=_pair(values, "client_port", 65535),
        interleaved=_pair(values, "interleaved", 255),
        server_port=_pair(values, "server_port", 65535),
        port=_pair(values, "port", 65535),
        destination=values.get("destination") or None,
        source=values.get("source") or None,
        ssrc=_ssrc(values.get("ssrc")),
        mode=_mode(values.get("mode")),
        ttl=_number(values, "ttl", 255),
    )


def _number(values: dict[str, str], name: str, most: int) -> int | None:
    if name not in values:
        return None
    number = read_number(values[name], 0, most)
    if number is None:
        raise PeerError(400, f"Transport has a bad {name}")
    return number


def _pair(values: dict[str, str], name: str, most: int) -> Pair | None:
    """Read `first-second`, or `first` alone, whose second is one above."""
    if not values.get(name):
        return None
    first_text, dash, second_text = values[name].partition("-")
    first = read_number(first_text.strip(), 0, most)
    second = read_number(second_text.strip() if dash else str((first or 0) + 1), 0, most)
    if first is None or second is None:
        raise PeerError(400, f"Transport has a bad {name}")
    return first, second


def _format_pair(pair: Pair | None) -> str | None:
    return None if pair is None else f"{pair[0]}-{pair[1]}"


def _ssrc(text: str | None) -> int | None:
    # A hint at most: one that can't be read (some cameras write decimals or words) is no reason to refuse.
    return int(text, 16) if text is not None and _SSRC.fullmatch(text) else None


def _mode(text: str | None) -> str | None:
    if not text:
        return None
    # Some encoders publish with `mode=receive`: what the server does, not what they do.
    mode = text.lower()
    return "record" if mode == "receive" else mode
