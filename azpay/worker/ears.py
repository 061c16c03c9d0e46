"""A thread that waits for word of other processes and wakes the worker, who else looks a little later."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from azpay import inbox
from azpay.errors import AzpayError
from azpay.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.db import Database
    from azpay.worker.reins import Reins

DEAF_SECONDS = 0.5
"""Between two tries to be told again."""
GIVEN_UP_SECONDS = 2.0
"""It may be in the middle of connecting to a server that does not answer."""

log = get_logger(__name__)


@contextmanager
def listening(db: Database, reins: Reins) -> Iterator[None]:
    """Be woken, until told to stop, by whoever keeps events in the same server's book."""
    if db.embedded:
        yield
        return
    thread = Thread(target=_listen, args=(db, reins), name="ears", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(GIVEN_UP_SECONDS)


def _listen(db: Database, reins: Reins) -> None:
    while not reins.stopping:
        try:
            inbox.listen(db, reins.wake, lambda: reins.stopping)
        except AzpayError as error:
            log.info("deaf_for_now", code=error.code, reason=error.message)
            time.sleep(DEAF_SECONDS)
