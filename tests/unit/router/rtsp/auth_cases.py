"""Authorization headers, as they come and what they say."""

from router.rtsp.headers.authorization import BasicCredentials, DigestCredentials

AUTHORIZATIONS = (
    ("Basic dXNlcjpwOnc=", BasicCredentials("user", "p:w")),
    ("basic   w7xzZXI6", BasicCredentials("üser", "")),
    # ffmpeg 5.1 and GStreamer 1.22
    (
        'Digest username="us@er", realm="Trunkline", nonce="00cb", uri="rtsp://h/a?tok=1/2", response="38599D9A"',
        DigestCredentials("us@er", "Trunkline", "00cb", "rtsp://h/a?tok=1/2", "38599d9a"),
    ),
    # shaped like RFC 7616 section 3.9.1
    (
        'Digest username=u,realm=r,uri="*",algorithm=sha-256,nonce=7,nc=1,cnonce="f",qop=auth,response="7",opaque=Q',
        DigestCredentials("u", "r", "7", "*", "7", "SHA-256", "auth", "1", "f", "Q"),
    ),
    # a Windows user as clients write it, quotes as the RFC wants them, no blanks
    (
        r'DIGEST username="DOMAIN\user",realm="say \"hi\"",nonce="",uri="*",response="00",',
        DigestCredentials(r"DOMAIN\user", 'say "hi"', "", "*", "00"),
    ),
)

_DIGEST = 'Digest username="u", realm="r", nonce="n", uri="*", response="00"'
BAD_AUTHORIZATIONS = (
    "",
    "Basic",
    "Basic !!!",
    "Basic dXNlcg==",  # no colon
    "Basic /////w==",  # no UTF-8
    "Basic é",
    "Bearer abc",
    "Digest",
    "Digest username",
    'Digest username="u',
    'Digest username="u" realm="r"',
    _DIGEST.replace('username="u", ', ""),
    _DIGEST.replace('realm="r", ', ""),
    _DIGEST.replace('nonce="n", ', ""),
    _DIGEST.replace('uri="*", ', ""),
    _DIGEST.replace(', response="00"', ""),
    _DIGEST + ', username="v"',
    _DIGEST.replace('"00"', '"zz"'),
    _DIGEST.replace('"00"', '"' + "0" * 129 + '"'),
)
