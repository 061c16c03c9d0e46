"""A sandbox's state in a file that only its owner can read, replaced as a whole or not at all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from azpay.sandbox.loglines import Log, LogLine

if TYPE_CHECKING:
    from azpay.sandbox.engine import Sandbox

LOOK_EVERY = 5.0
"""Seconds between two looks at whether anything has changed."""


class StateKeeper:
    """Writes the state when it has changed; without a file, never."""

    def __init__(self, sandbox: Sandbox, file: Path | None, log: Log) -> None:
        self._sandbox = sandbox
        self._file = file
        self._log = log
        self._written: int | None = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.write()

    def write(self) -> None:
        changes = self._sandbox.changes
        if self._file is None or changes == self._written:
            return
        state = self._sandbox.snapshot()
        write_private(self._file, state)
        self._written = changes
        self._log(LogLine("state_written", {"file": str(self._file), "bytes": len(state)}))


def write_private(file: Path, content: bytes) -> None:
    """A temporary file beside it, then a rename. Temporary files are made with mode 0600."""
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as temporary:
        try:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
            Path(temporary.name).replace(file)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
