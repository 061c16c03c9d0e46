"""The bytes of a file or a pipe, taken once, so that what is checked is what is run."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from azpay.payments.batches.mistakes import FileTooLong

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 256 << 20
IN_MEMORY = 4 << 20
CHUNK = 1 << 20


@contextmanager
def taken(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """A private copy without a name, gone at the end. Raises FileTooLong."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as copy:
        size = 0
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise FileTooLong(f"The file is longer than {MOST_BYTES >> 20} MiB.", hint="Split it.")
            copy.write(chunk)
        yield copy
