"""What is done every so often: by one of many workers, beside the inbox, never instead of it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from azpay import inbox
from azpay.db import schedules
from azpay.errors import AzpayError
from azpay.logs import get_logger
from azpay.operations import idempotency
from azpay.worker.resolving import resolve_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.worker.reins import Reins

LOOK_SECONDS = 5.0

log = get_logger(__name__)


def keep_schedules(azpay: Azpay, reins: Reins) -> None:
    """Until told to stop. What fails is tried again when it is due the next time."""
    tasks = (run_due, partial(resolve_due, reins=reins), forget_answers)
    while not reins.stopping:
        for task in tasks:
            if not reins.stopping:
                outlived(partial(task, azpay))
        reins.rest(LOOK_SECONDS)


def outlived(work: Callable[[], object]) -> None:
    """Do it, and say so when it fails."""
    try:
        work()
    except AzpayError as error:
        log.warning("schedule_failed", code=error.code, reason=error.message)
    except Exception:  # a daemon's task: it must outlive whatever happens to it
        log.exception("schedule_failed")


def run_due(azpay: Azpay) -> None:
    """Whatever is due now and nobody else has taken."""
    every = timedelta(minutes=azpay.settings.sweep_minutes)
    if every and schedules.take(azpay.db, inbox.SWEEP, every=every, now=azpay.now()) is not None:
        sweep(azpay)


def forget_answers(azpay: Azpay) -> None:
    """What was said under a caller's key more than a day ago."""
    every, now = idempotency.PURGE_EVERY, azpay.now()
    if schedules.take(azpay.db, idempotency.PURGE, every=every, now=now) is not None:
        idempotency.purge(azpay.db, now=now)


def sweep(azpay: Azpay) -> inbox.Swept:
    """Fetch the events that no webhook has brought, and say so when webhooks bring nothing at all."""
    settings = azpay.settings
    ours = inbox.Ours(azpay.handlers.events.keys(), settings.live, settings.stripe_account)
    swept = inbox.sweep(azpay.db, azpay.gateway, ours, now=azpay.now())
    if swept.deaf:
        log.warning("webhooks_never_arrive", new=swept.new, hint="See `azpay events endpoint`.")
    elif swept.new:
        log.info("events_swept", seen=swept.seen, new=swept.new)
    return swept
