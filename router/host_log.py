"""Log lines that strangers bring about: a bounded number for each host, with a count of what was left out."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from router.hosts import site_of
from router.logs import cut

BURST = 50
"""Lines of one host and kind in a row."""
INTERVAL_S = 1.0
"""After these, one in so long."""
MAX_HOSTS = 1000
"""Hosts and kinds remembered: who has so many addresses gets so many lines, and not more in `INTERVAL_S` each."""


@dataclass(slots=True)
class _Quota:
    paid_at: float = float("-inf")
    """When all its lines are paid for, at one for each interval."""
    left_out: int = 0


class HostLog:
    """Writes lines about hosts. The first that was left out of some is followed by a line with their number."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._quotas: OrderedDict[tuple[str, str], _Quota] = OrderedDict()

    def info(self, event: str, host: str, *, kind: str = "", **values: object) -> None:
        """Say what a host did; lines of one `kind` count together, else those of one event."""
        if self._may(event, host, kind or event):
            self._log.info(event, **_cut(values))

    def warning(self, event: str, host: str, *, kind: str = "", **values: object) -> None:
        """Say what a host did wrong, as `info` does."""
        if self._may(event, host, kind or event):
            self._log.warning(event, **_cut(values))

    def leave_out(self, event: str, host: str, *, kind: str = "") -> None:
        """Count a line that another bound keeps out."""
        self._leave_out(event, host, self._quota(host, kind or event))

    def _may(self, event: str, host: str, kind: str) -> bool:
        quota, now = self._quota(host, kind), asyncio.get_running_loop().time()
        if quota.paid_at - now <= (BURST - 1) * INTERVAL_S and not quota.left_out:
            quota.paid_at = max(quota.paid_at, now) + INTERVAL_S
            return True
        self._leave_out(event, host, quota)
        return False

    def _quota(self, host: str, kind: str) -> _Quota:
        key = (site_of(host), kind)
        quota = self._quotas.setdefault(key, _Quota())
        self._quotas.move_to_end(key)
        if len(self._quotas) > MAX_HOSTS:
            self._quotas.popitem(last=False)
        return quota

    def _leave_out(self, event: str, host: str, quota: _Quota) -> None:
        if not quota.left_out:
            asyncio.get_running_loop().call_later(INTERVAL_S, self._tell_left_out, event, host, quota)
        quota.left_out += 1

    def _tell_left_out(self, event: str, host: str, quota: _Quota) -> None:
        self._log.info(f"{event}: left out", peer=host, lines=quota.left_out)
        quota.left_out = 0


def _cut(values: dict[str, object]) -> dict[str, object]:
    return {key: cut(value) if isinstance(value, str) else value for key, value in values.items()}
