"""What a supervisor such as systemd is told, and what it hands over.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html and sd_listen_fds.html. Without a
supervisor the variables are not set, and nothing happens.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_SOCKET = 3
MICROSECONDS = 1_000_000


class TooManySockets(Usage):
    """Socket activation handed over several sockets, and the daemon has one."""

    code = "too_many_sockets"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"The supervisor handed over {count} sockets, and the daemon listens on one.",
            hint="Give azpay's .socket unit one ListenStream= line.",
        )


class Supervisor:
    """Whoever started us, by what stands in the environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._address = env.get("NOTIFY_SOCKET", "")
        self._env = env

    def ready(self, address: str) -> None:
        self._tell("READY=1", f"STATUS=Listening on {address}")

    def reloading(self) -> None:
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}")

    def reloaded(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=Finishing what it holds")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    @property
    def patience(self) -> float | None:
        """Seconds after which we are taken for dead unless `alive` was said; None when nobody counts."""
        microseconds, ours = self._env.get("WATCHDOG_USEC", ""), self._env.get("WATCHDOG_PID", "")
        if not microseconds.isdigit() or (ours and ours != str(os.getpid())):
            return None
        return int(microseconds) / MICROSECONDS or None

    def listener(self) -> socket.socket | None:
        """The socket that was handed over, listening already. Raises TooManySockets."""
        count = self._env.get("LISTEN_FDS", "")
        if not count.isdigit() or count == "0" or self._env.get("LISTEN_PID") != str(os.getpid()):
            return None
        if count != "1":
            raise TooManySockets(int(count))
        handed = socket.socket(fileno=FIRST_SOCKET)
        handed.set_inheritable(False)
        return handed

    def _tell(self, *lines: str) -> None:
        """A supervisor that does not hear is no reason to stop."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto("\n".join(lines).encode(), address)
