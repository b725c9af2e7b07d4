"""Many publishers and many readers in one program of its own, every packet numbered and compared.

What `tests.support.publisher` and `reader` prove about a few packets, this proves about thousands a second, while the
router's processes die and move. Streams, publishers and comparing readers are those of `router.bench`; what is added is
time: mounts and readers that come and go, requests on sessions whose media flows, gaps, and who was closed when.
"""

from tests.support.swarm.swarm import Swarm, SwarmError
from tests.support.swarm.verdicts import PublisherVerdict, ReaderVerdict, Report

__all__ = ["PublisherVerdict", "ReaderVerdict", "Report", "Swarm", "SwarmError"]
