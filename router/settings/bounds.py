"""Kinds of numbers that several settings are of, with their bounds.

Numbers are strict: true, "5554" or 5554.0 in a file is a slip. `router.settings.sources` makes numbers of what must be
text.
"""

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt

# A day: whoever wants "never" finds out here, not by a leak. Longer than 0, or everything would be late.
Timeout = Annotated[StrictFloat, Field(gt=0, le=86_400, allow_inf_nan=False)]
# The kernel's whole range; 0 asks it for a free one.
ListenPort = Annotated[StrictInt, Field(ge=0, le=65_535)]
# A million of anything is past what one box's memory and descriptors hold.
Maximum = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
# A request and its hand-off must fit into 4 MiB, the contract's `Blob`.
MessageBytes = Annotated[StrictInt, Field(ge=256, le=1_048_576)]
