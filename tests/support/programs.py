"""azpay as a process of its own, against the book and the clock of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.db import Database

Program = subprocess.Popen[str]


def environment(db: Database, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AZPAY_PROFILE": "sandbox",
        "AZPAY_DATABASE_URL": str(db.engine.url),
        "AZPAY_LOG_FORMAT": "json",
    }


@contextmanager
def azpay(*args: str, env: dict[str, str], cwd: Path) -> Iterator[Program]:
    """Killed at the end of the block, if it has not ended."""
    command = [sys.executable, "-m", "azpay", *args]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=cwd
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def address(program: Program) -> str:
    """Where it says that it listens."""
    assert program.stderr is not None
    for line in program.stderr:
        found = re.search(r"Listening on (http://[^ ]+)\.", line)
        if found:
            return found[1]
    raise AssertionError(f"It ended with {program.wait()} and never listened.")
