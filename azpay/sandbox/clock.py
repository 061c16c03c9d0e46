"""The sandbox's clock: it runs along with the one that was handed in, ahead of it or behind; or it stands.

It never goes back: what has happened stays in the past, and lists are in the order of time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.wire import Json


class ClockGoesBack(ValueError):
    """The clock of a sandbox can only be put forward."""

    def __init__(self, now: int, asked: int) -> None:
        super().__init__(
            f"The clock stands at {spoken(now)} and cannot be put back to {spoken(asked)}: what has happened "
            "since would lie in the future."
        )


class Clock:
    """Whole seconds since 1970. `outside` is the clock that was handed in."""

    def __init__(self, outside: Callable[[], datetime]) -> None:
        self._outside = outside
        self._ahead = 0
        self._stands_at: int | None = None

    def now(self) -> int:
        return self.outside() + self._ahead if self._stands_at is None else self._stands_at

    def outside(self) -> int:
        return int(self._outside().timestamp())

    @property
    def runs(self) -> bool:
        return self._stands_at is None

    def put(self, time: int) -> None:
        """Raises ClockGoesBack for a time that has passed."""
        now = self.now()
        if time < now:
            raise ClockGoesBack(now, time)
        self.start_at(time)

    def start_at(self, time: int) -> None:
        """Any time: for a clock that nothing has happened by yet."""
        if self._stands_at is None:
            self._ahead = time - self.outside()
        else:
            self._stands_at = time

    def stop(self) -> None:
        self._stands_at = self.now()

    def run(self) -> None:
        """Go on from where it stands."""
        if self._stands_at is not None:
            self._ahead = self._stands_at - self.outside()
            self._stands_at = None

    def until(self, time: int) -> float | None:
        """Seconds of the clock that was handed in; None when it will not come by itself."""
        if self._stands_at is not None:
            return 0.0 if time <= self._stands_at else None
        return time - self._ahead - self._outside().timestamp()

    def dump(self) -> Json:
        return {"ahead": self._ahead, "stands_at": self._stands_at}

    def recall(self, data: Json) -> None:
        self._ahead, self._stands_at = data["ahead"], data["stands_at"]


def spoken(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
