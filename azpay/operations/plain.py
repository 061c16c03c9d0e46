"""Asking for something whose failure leaves nothing behind but the operation's own record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from azpay.db import Row
from azpay.operations.errands import Named
from azpay.operations.journal import FailedBefore
from azpay.operations.models import Operation, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from azpay.errors import AzpayError

Answer = TypeVar("Answer", bound=Named)
Kept = TypeVar("Kept", bound=Row)


def nothing() -> None:
    """Where looking could not tell: the operation is given up, and asked for anew."""


@dataclass(frozen=True, slots=True)
class Plain(Generic[Answer, Kept]):
    """An errand in few words: how to ask, how to look, and how to record a yes in which table."""

    ask: Callable[[str], Answer]
    on_yes: Callable[[Session, Answer], Kept]
    table: type[Kept]
    look: Callable[[], Answer | None] = nothing

    def hold(self, session: Session) -> None:
        """A no changes nothing."""

    def on_no(self, session: Session, error: AzpayError) -> None:
        """Nothing was changed, and nothing was to be."""

    def stands(self, session: Session, operation: Operation) -> Kept:
        if operation.state is State.FAILED:
            raise FailedBefore(operation)
        found = session.get(self.table, operation.subject)
        return found or session.get_one(self.table, operation.stripe_object)
