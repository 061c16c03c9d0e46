"""Taking what is due in batches. Whatever goes wrong, the worker waits a little and goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from azpay import inbox
from azpay.errors import AzpayError
from azpay.logs import get_logger
from azpay.worker.ears import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.worker.reins import Reins

    Watcher = Callable[[inbox.Progress, float], None]

IDLE_SECONDS = 0.5
"""How often to look without being woken: for what another process kept, and for what was postponed."""

LONGEST_BACKOFF = 30

log = get_logger(__name__)


def _nobody(_progress: inbox.Progress, _seconds: float) -> None:
    return


def work(azpay: Azpay, reins: Reins, watcher: Watcher = _nobody) -> None:
    """Until told to stop; it stops between two pieces of work, and tells the watcher of each."""
    with listening(azpay.db, reins):
        _work(azpay, reins, watcher)


def _work(azpay: Azpay, reins: Reins, watcher: Watcher) -> None:
    failures = 0
    while not reins.stopping:
        try:
            began = time.monotonic()
            progress = process(azpay, reins)
            watcher(progress, time.monotonic() - began)
        except Exception as error:  # a daemon's task: it must outlive whatever happens to it
            failures += 1
            seconds = min(2 ** (failures - 1), LONGEST_BACKOFF)
            _tell(error, seconds)
            reins.back_off(seconds)
        else:
            failures = 0
            if not progress.taken:
                reins.rest(IDLE_SECONDS)


def drain(azpay: Azpay, reins: Reins) -> inbox.Progress:
    """All that is due now; what came of it. Raises when the store fails."""
    total = inbox.Progress()
    while (progress := process(azpay, reins)).taken and not reins.stopping:
        total += progress
    return total + progress


def process(azpay: Azpay, reins: Reins) -> inbox.Progress:
    """One batch."""
    progress = inbox.process(
        azpay.db, azpay.gateway, azpay.handlers, now=azpay.now(), stopping=lambda: reins.stopping
    )
    if progress.postponed or progress.dead:
        log.warning("events_failed", postponed=progress.postponed, dead=progress.dead)
    return progress


def _tell(error: Exception, seconds: float) -> None:
    if isinstance(error, AzpayError):
        log.warning("worker_waits", code=error.code, reason=error.message, seconds=seconds)
    else:
        log.error("worker_failed", seconds=seconds, exc_info=error)
