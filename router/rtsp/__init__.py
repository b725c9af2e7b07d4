"""RTSP 1.0 (RFC 2326) without I/O: messages, headers, SDP, authentication and the states of a session.

Bytes and `now` in, values and bytes out. What a peer did wrong is a `PeerError` with the status that it gets; what we
did wrong is a `LocalError`. Nothing else leaves these modules.
"""
