"""What is written by hand in the control path."""

import tomllib
from pathlib import Path

import pytest

from workers import VERSION
from workers.contract.parts import RtpInfo
from workers.process.commands import rtp_info_header


@pytest.mark.parametrize(
    ("infos", "header"),
    [
        ((), b""),
        ((RtpInfo(0, None, None),), b""),
        ((RtpInfo(0, 5, 9),), b"RTP-Info: url=a;seq=5;rtptime=9\r\n"),
        ((RtpInfo(0, None, None), RtpInfo(1, 0, 0)), b"RTP-Info: url=b;seq=0;rtptime=0\r\n"),
        ((RtpInfo(0, 1, 2), RtpInfo(1, 3, 4)), b"RTP-Info: url=a;seq=1;rtptime=2,url=b;seq=3;rtptime=4\r\n"),
    ],
)
def test_rtp_info_names_the_tracks_that_are_known(infos: tuple[RtpInfo, ...], header: bytes) -> None:
    assert rtp_info_header(("a", "b"), infos) == header


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
