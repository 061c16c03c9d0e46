"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


class Clock:
    """The sandbox and azpay under test look at the same one."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: int) -> None:
        """`clock.advance(minutes=11)`"""
        self.at += timedelta(**by)
