"""Who acts: `cli:ann` at a terminal, `worker` in a daemon."""

from __future__ import annotations

import os
import pwd

from azpay.settings.permissions import NAME

WORKER = "worker"


def at_terminal(given: str | None, *, user: str) -> str:
    """The actor of a command: the name that the settings give, else the system's user."""
    return f"cli:{given or user}"


def system_user() -> str:
    """The user this process runs as, by the system's word: LOGNAME and USER can be set to anything."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user without a name
        name = ""
    return name if NAME.fullmatch(name) else f"uid-{uid}"
