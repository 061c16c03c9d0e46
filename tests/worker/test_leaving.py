"""Being gone in time, whatever a thread is waiting for."""

from __future__ import annotations

import subprocess
import sys

STUCK = """
import threading
from azpay.worker import leave_within

threading.Thread(target=threading.Event().wait).start()
leave_within(0.1, 143)
"""


def test_a_process_whose_threads_are_stuck_is_gone_with_the_status_it_was_to_end_with() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=20)

    assert ended.returncode == 143
