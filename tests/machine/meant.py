"""What somebody meant, in the words that they typed, and everything that was said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.machine.merchant import Said

REPEATS = timedelta(minutes=9)
"""So long the same words again are one intent. After ten minutes, without a key, they are another one."""

NOTHING_MOVED = frozenset({1, 2, 3, 4, 5, 6, 7})


@dataclass(slots=True)
class Intent:
    """One charge or one refund that is to be made at most once, however often it is typed."""

    name: str
    words: Sequence[str]
    typed_at: datetime
    key: str | None = None
    good: bool = True
    """Whether its card can be charged."""
    said: list[Said] = field(default_factory=list)

    @property
    def denied(self) -> bool:
        """Each time it was said that nothing was moved."""
        return bool(self.said) and all(said.status in NOTHING_MOVED for said in self.said)

    def may_be_repeated(self, now: datetime) -> bool:
        """Whether the same words still mean the same."""
        return self.key is not None or self.denied or now - self.typed_at < REPEATS

    def typed_again(self, now: datetime) -> None:
        if self.denied:
            self.typed_at = now
