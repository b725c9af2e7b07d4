"""What a session's owner wants, as the requests that lead there: made anew for each connection."""

from collections.abc import Sequence
from dataclasses import dataclass

from router.rtsp.client import target
from router.rtsp.client.connection import ClientRequest
from router.rtsp.client.events import Offer
from router.rtsp.errors import LocalError, PeerError
from router.rtsp.sdp import parse_sdp

MAX_TRACKS = 32
"""As many as a publisher's description may have."""
_FROM_THE_BEGINNING = (("Range", "npt=0.000-"),)


@dataclass(slots=True)
class Goal:
    """To read or to publish, by which offers; `over_tcp` once UDP has failed."""

    reads: bool = False
    announced: bytes | None = None
    controls: tuple[str | None, ...] = ()
    """Of what is announced."""
    offers: tuple[Offer, ...] | None = None
    over_tcp: bool = False

    def want_published(self, description: bytes, offers: Sequence[Offer]) -> None:
        """Publish what a description says.

        Raises:
            LocalError: it is no SDP, or the offers are of other tracks.
        """
        try:
            controls = tuple(media.control for media in parse_sdp(description, MAX_TRACKS).medias)
        except PeerError as error:
            raise LocalError(error.reason) from error
        self.want_tracks(offers, len(controls))
        self.announced, self.controls = description, controls

    def want_tracks(self, offers: Sequence[Offer], tracks: int) -> None:
        """Set up these of so many tracks.

        Raises:
            LocalError: there are others.
        """
        places = [each.track for each in offers]
        if not places or len(set(places)) != len(places) or not all(0 <= each < tracks for each in places):
            raise LocalError(f"tracks {places} of {tracks} can't be set up")
        self.offers = tuple(offers)

    def offers_udp(self, track: int) -> bool:
        """Whether a track may still come by UDP."""
        return not self.over_tcp and any(each.track == track and each.ports for each in self.offers or ())

    def beginning(self, url: str) -> list[ClientRequest]:
        """Give what leads to `Described`, or as far as RECORD; nothing where nothing is wanted yet."""
        if self.announced is not None:
            announce = ClientRequest("ANNOUNCE", url, (("Content-Type", "application/sdp"),), self.announced)
            setups = self.setups(target.track_urls(url, self.controls))
            return [announce, *setups, ClientRequest("RECORD", url, _FROM_THE_BEGINNING)]
        return [ClientRequest("DESCRIBE", url, (("Accept", "application/sdp"),))] if self.reads else []

    def again(self, url: str, base: str, urls: Sequence[str]) -> list[ClientRequest]:
        """Give what leads on from the first SETUP, where that was refused."""
        return self.playing(base, urls) if self.announced is None else self.beginning(url)[1:]

    def playing(self, base: str, urls: Sequence[str]) -> list[ClientRequest]:
        """Give what leads from a description to PLAY."""
        return [*self.setups(urls), ClientRequest("PLAY", base, _FROM_THE_BEGINNING)]

    def setups(self, urls: Sequence[str]) -> list[ClientRequest]:
        """Give the SETUP of each track."""
        return [self._setup(each, urls[each.track]) for each in self.offers or ()]

    def _setup(self, offer: Offer, url: str) -> ClientRequest:
        if offer.ports is None or self.over_tcp:
            wanted = f"RTP/AVP/TCP;unicast;interleaved={2 * offer.track}-{2 * offer.track + 1}"
        else:
            wanted = f"RTP/AVP;unicast;client_port={offer.ports[0]}-{offer.ports[1]}"
        # Without quotes, and in small letters: ffmpeg's server knows no other way to write it.
        mode = "" if self.announced is None else ";mode=record"
        return ClientRequest("SETUP", url, (("Transport", wanted + mode),), track=offer.track)
