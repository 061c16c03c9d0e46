"""What befalls a command: faults of Stripe's, a store that fails, and an end in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from azpay.gateway.line import TRIES
from tests.machine.ailing import Ailment, Illness
from tests.machine.mortality import Boundary, End

if TYPE_CHECKING:
    from collections.abc import Sequence

AWAY = 50
"""More requests than any command makes: Stripe cannot be reached until it has ended."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Faults of Stripe's, each so many times; what ails the store; and perhaps the command's end."""

    faults: Sequence[tuple[str, int]] = ()
    end: End | None = None
    illness: Illness | None = None


NONE = Trouble()
FAULTS = (
    "drop-answer",
    "drop-request",
    "500",
    "500-stored",
    "500-effect",
    "429",
    "lock_timeout",
    "409",
    "conflict",
    "503",
    "half-answer",
    "garbage",
    "timeout-answer",
    "timeout-request",
)

ENDS = st.builds(
    End,
    st.sampled_from([Boundary.COMMIT, Boundary.KEPT, Boundary.REQUEST, Boundary.ANSWER]),
    st.integers(1, 6),
    interrupted=st.sampled_from([False, False, False, True]),
) | st.builds(End, st.sampled_from([Boundary.STATEMENT, Boundary.RESULT]), st.integers(1, 40))
STRUCK = st.lists(
    st.tuples(st.sampled_from(FAULTS), st.sampled_from([1, 2, TRIES, TRIES])), min_size=1, max_size=2
) | st.sampled_from([(("drop-request", AWAY),), (("drop-answer", AWAY),), (("503", AWAY),)])
ILLNESSES = st.builds(Illness, st.sampled_from(Ailment), st.integers(1, 5), st.sampled_from([1, AWAY]))
TROUBLE = st.one_of(
    st.just(NONE),
    st.just(NONE),
    st.just(NONE),
    st.builds(Trouble, STRUCK),
    st.builds(Trouble, end=ENDS),
    st.builds(Trouble, illness=ILLNESSES),
    st.builds(Trouble, STRUCK, ENDS, st.none() | ILLNESSES),
)


def _always(*faults: str) -> st.SearchStrategy[Trouble]:
    return st.sampled_from([Trouble([(fault, TRIES)]) for fault in faults])


LOSSES = _always("drop-answer", "drop-request", "500-effect")
AGAIN = _always("429", "409", "503", "lock_timeout")
