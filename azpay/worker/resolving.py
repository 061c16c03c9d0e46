"""What commands left open is settled by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.logs import get_logger
from azpay.operations import Resolver

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.operations import Resolved
    from azpay.worker.reins import Reins

log = get_logger(__name__)


def resolver(azpay: Azpay) -> Resolver:
    return Resolver(azpay.db.by("worker"), azpay.gateway, azpay.errands, azpay.chance)


def resolve_due(azpay: Azpay, reins: Reins) -> list[Resolved]:
    """Everything that is due, until told to stop; each may keep this thread waiting for Stripe."""
    found = resolver(azpay).run(clock=azpay.now, stopping=lambda: reins.stopping)
    for operation, error in found:
        tell = log.error if operation.flagged_at else log.info
        tell(
            "operation_resolved" if operation.settled_at else "operation_still_open",
            operation=operation.id,
            kind=operation.kind,
            state=operation.state,
            tries=operation.resolutions,
            needs_a_person=operation.flagged_at is not None,
            code=error.code if error else None,
        )
    return found
