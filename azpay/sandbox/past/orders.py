"""What history is asked for."""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST = 2_000_000


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """So many payments in the months before the sandbox was made."""

    payments: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 1000
    months: Annotated[int, msgspec.Meta(ge=1, le=60)] = 6
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 1


class Progress(msgspec.Struct, frozen=True):
    """How many payments of the order are written. `since` and `until` bound the history, in whole seconds."""

    payments: int
    made: int
    done: bool
    since: int
    until: int


class SeededAlready(ValueError):
    """A sandbox has one past."""

    def __init__(self, known: Order) -> None:
        super().__init__(
            f"This sandbox has a past already: {known.payments} payments in {known.months} months, seed "
            f"{known.seed}. Only that one can be continued."
        )
