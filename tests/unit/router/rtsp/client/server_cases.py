"""What servers answer: a table for the client's tests and seeds for its fuzzing."""

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=cam\r\nt=0 0\r\na=control:*\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
    b"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 OPUS/48000/2\r\na=control:trackID=1\r\n"
)

OPTIONS = b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n"
DESCRIBE = b"Content-Base: rtsp://h/cam/\r\nContent-Type: application/sdp\r\n"
UDP = b"Session: 12ab;timeout=30\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=0A\r\n"
TCP = b"Session: 12ab;timeout=30\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
PLAY = b"Session: 12ab\r\nRTP-Info: url=rtsp://h/cam/trackID=0;seq=7;rtptime=9,url=rtsp://h/cam/trackID=1;seq=x;rtptime=8\r\n"
DIGEST = b'WWW-Authenticate: Digest realm="r", nonce="n1"\r\n'


def answer(cseq: int, status: int = 200, headers: bytes = b"", body: bytes = b"") -> bytes:
    """Write a response."""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"RTSP/1.0 %d Said\r\nCSeq: %d\r\n%s%s\r\n" % (status, cseq, headers, length) + body


READ = (
    answer(1, headers=OPTIONS),
    answer(2, headers=DESCRIBE, body=SDP),
    answer(3, headers=UDP),
    answer(4, headers=UDP),
    answer(5, headers=PLAY),
)
"""A reader's session over UDP, from OPTIONS to PLAY."""
