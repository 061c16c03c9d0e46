"""Being gone in time. A thread in a call to Stripe or to a database cannot be interrupted.

Every step of azpay's survives a crash, so an abrupt end is as good as an orderly one; a process that never
ends is not.
"""

from __future__ import annotations

import os
from threading import Timer


def leave_within(seconds: float, status: int) -> Timer:
    """End the process after `seconds`, whatever its threads are waiting for, unless cancelled."""
    timer = Timer(seconds, os._exit, [status])
    timer.daemon = True
    timer.start()
    return timer
