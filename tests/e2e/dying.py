"""`dying.py N …`: azpay with these words, killed at the N-th boundary of a commit.

Each commit has two: just before the store is told to, and when it has. Nothing of azpay's is changed; the
store's own events say when.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from azpay.__main__ import main


class Death:
    """Comes at the end of the countdown, without a warning."""

    def __init__(self, boundary: int) -> None:
        self.left = boundary

    def come_closer(self, _committing: object) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    death = Death(int(sys.argv.pop(1)))
    event.listen(Engine, "commit", death.come_closer)
    event.listen(Session, "after_commit", death.come_closer)
    main()
