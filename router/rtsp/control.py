"""Which track of which mount a SETUP's URL names: by the SDP's `a=control` (RFC 2326 appendix C.1.1).

Clients join a base URL and a control in two ways where the base has a query:
`/cam?q` and `trackID=1` become `/cam?q/trackID=1` (ffmpeg, live555) or `/cam/trackID=1?q` (GStreamer).
So a URL is read backwards here, as every pair of base and control that it may have been made of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from router.rtsp.errors import PeerError
from router.rtsp.url import RtspUrl, parse_url

_MAX_CONTROL_SEGMENTS = 8
"""Slashes that a URL is cut at, from its end: a control has one segment, a camera's perhaps three."""


def find_track(
    base: RtspUrl, session_control: str | None, controls: Sequence[str | None], target: RtspUrl
) -> int | None:
    """Find the track that `target` names, counting from 0; None if there is none.

    `base` is the URL of the ANNOUNCE or DESCRIBE, `session_control` and `controls` are the SDP's. Hosts are not
    compared, for one box has many names; a query may be missing on either side, for clients drop it.
    """
    asked = _without_slash(target)
    tails = [_absolute_tail(control) for control in controls]
    if asked.tail in tails:
        return tails.index(asked.tail)
    mounts = {mount_path(base), mount_path(_session_base(base, session_control))}
    relative = [control.strip("/") if control else None for control in controls]
    for read_base, control in _readings(asked):
        if mount_path(read_base) in mounts and control in relative:
            same_query = not base.query or read_base.query in ("", base.query)
            return relative.index(control) if same_query else None
    # A single track may go by the name of the whole.
    return 0 if len(controls) == 1 and mount_path(asked) in mounts else None


def candidates(target: RtspUrl) -> Iterator[RtspUrl]:
    """Return the base URLs that a track's URL may have been made of, the likeliest first, itself among them.

    Of those that name a mount, the first for which `find_track` finds a track is the right one: its query is the
    session's, without the control that a client may have put behind it.
    """
    asked = _without_slash(target)
    for start, _ in _cuts(asked.query):
        yield replace(asked, query=start)
    yield target
    for start, _ in _cuts(asked.path):
        yield replace(asked, path=start or "/")


def mount_path(url: RtspUrl) -> str:
    """Return the path that a mount is known by: decoded, without query and without one slash at its end."""
    return url.decoded_path.removesuffix("/") or "/"


def content_base(base: RtspUrl) -> str:
    """Return what DESCRIBE's `Content-Base` says of a mount: its URL with a slash behind the path.

    Without that slash GStreamer's rtspsrc, which joins URLs by RFC 3986, would put a control in the place of the
    path's last segment.
    """
    return str(replace(base, path=f"{base.path.rstrip('/')}/"))


def track_name(track: int) -> str:
    """Return the name that readers ask for a track by."""
    return f"trackID={track}"


def reader_control(base: RtspUrl, track: int) -> str:
    """Return what the SDP for readers has in a track's `a=control`: its name alone, or its URL if there is a query.

    ffmpeg puts a name behind the query, rtspsrc throws the query away with it; both take a URL as it is.
    """
    return track_url(base, track) if base.query else track_name(track)


def track_url(base: RtspUrl, track: int) -> str:
    """Return the URL that readers come to by `content_base` and `reader_control`: RTP-Info names a track by it."""
    return str(replace(base, path=f"{base.path.rstrip('/')}/{track_name(track)}"))


def _readings(target: RtspUrl) -> Iterator[tuple[RtspUrl, str]]:
    """Return each pair of a base and a control that makes up `target`."""
    for start, control in _cuts(target.query):
        yield replace(target, query=start), control
    if target.query:
        yield replace(target, query=""), f"?{target.query}"  # cameras: `a=control:?ctype=video`
    for start, control in _cuts(target.path):
        yield replace(target, path=start or "/"), control
        if target.query:  # a control with a query of its own: `trackID=1?profile=main`
            yield replace(target, path=start or "/", query=""), f"{control}?{target.query}"


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    end = len(text)
    for _ in range(_MAX_CONTROL_SEGMENTS):
        end = text.rfind("/", 0, end)
        if end < 0:
            return
        if control := text[end + 1 :].strip("/"):
            yield text[:end], control


def _without_slash(url: RtspUrl) -> RtspUrl:
    if not url.tail.endswith("/"):
        return url
    if url.query:
        return replace(url, query=url.query.removesuffix("/"))
    return replace(url, path=url.path.removesuffix("/") or "/")


def _absolute_tail(control: str | None) -> str | None:
    """Return path and query of a control that is a whole URL (cameras: `rtsp://10.0.0.9/cam/trackID=1`)."""
    if control is None or "://" not in control:
        return None
    try:
        return _without_slash(parse_url(control)).tail
    except PeerError:
        return None  # a control that nobody can ask for


def _session_base(base: RtspUrl, session_control: str | None) -> RtspUrl:
    if session_control is None or session_control in ("", "*"):
        return base
    joined = str(replace(base, path=f"{base.path.rstrip('/')}/{session_control.strip('/')}", query=""))
    try:
        return parse_url(session_control if "://" in session_control else joined)
    except PeerError:
        return base
