"""What fails before money moves: a command says that it moved none, also where it only looks something up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def before_asking() -> Iterator[None]:
    """`operations.before_asking` round a whole command; imported when it runs."""
    from azpay import operations

    with operations.before_asking():
        yield
