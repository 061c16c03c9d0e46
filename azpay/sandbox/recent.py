"""What the server has just done, for whoever looks: the last requests and the last deliveries."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpay.sandbox.loglines import Log, LogLine

REMEMBERED = 50


class Recent:
    """Reads along as lines are logged, and remembers the last of them, newest first."""

    def __init__(self) -> None:
        self.requests: deque[LogLine] = deque(maxlen=REMEMBERED)
        self.deliveries: deque[LogLine] = deque(maxlen=REMEMBERED)

    def reading(self, log: Log) -> Log:
        """A log that tells this one first."""

        def take(line: LogLine) -> None:
            self._remember(line)
            log(line)

        return take

    def _remember(self, line: LogLine) -> None:
        if line.what in ("request_answered", "connection_dropped", "request_failed"):
            self.requests.appendleft(line)
        elif line.what == "webhook_posted":
            self.deliveries.appendleft(line)
