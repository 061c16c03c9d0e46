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
NEITHER_BEFORE = frozenset({1, 3, 5})
"""Failed, declined, unavailable: said of an attempt only when no earlier one can have taken effect."""
OF_THE_STORE = "database_unavailable"
"""Unless it is the book that cannot be asked what became of an earlier one."""


@dataclass(slots=True)
class Intent:
    """One charge or one refund that is to be made at most once, however often it is typed."""

    name: str
    words: Sequence[str]
    typed_at: datetime
    key: str | None = None
    outright: bool = True
    """Whether the words say all, so that nothing must be asked before the attempt itself."""
    said: list[Said] = field(default_factory=list)

    @property
    def denied(self) -> bool:
        """Each time it was said that nothing was moved."""
        return bool(self.said) and all(said.status in NOTHING_MOVED for said in self.said)

    @property
    def is_over(self) -> bool:
        """The last that was said is that nothing has come of it, and nothing can have come of it before."""
        return self.denied or (self.outright and bool(self.said) and _speaks_for_all(self.said[-1]))

    def may_be_repeated(self, now: datetime) -> bool:
        """Whether the same words still mean the same."""
        return self.key is not None or self.denied or now - self.typed_at < REPEATS

    def typed_again(self, now: datetime) -> None:
        if self.denied:
            self.typed_at = now


def _speaks_for_all(said: Said) -> bool:
    return said.status in NEITHER_BEFORE and said.code != OF_THE_STORE
