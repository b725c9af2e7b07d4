"""RTP and RTCP (RFC 3550) without I/O and without a clock: bytes and `now` in, facts and bytes out."""
