from __future__ import annotations

import contextlib
import logging
import sys


class Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to a stream. Where a record cannot be formatted, the standard library prints its raw arguments
    to stderr; this says only whose it was."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        error, _, _ = sys.exc_info()
        reason = error.__name__ if error else "unknown"
        with contextlib.suppress(OSError, ValueError):  # the stream itself may be what is broken
            self.stream.write(f"log_line_lost logger={record.name!a} error={reason}\n")
