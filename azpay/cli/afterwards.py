"""What goes wrong once money has moved and that is on record: no status may say that nothing was moved."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from azpay.errors import NotAllowed, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


class NotShown(OutcomeUnknown):
    """It is done, and could not be followed or shown to its end."""

    code = "done_not_shown"

    def __init__(self, done: str, payment: str, reason: str) -> None:
        super().__init__(
            f"{done} is made and on record, but could not be shown: {reason}",
            hint=f"Do not start over: `azpay history {payment}` shows it.",
        )


@contextmanager
def on_record(done: str, payment: str) -> Iterator[None]:
    """Whatever fails inside comes after the movement. A decline that is waited for still is one.

    Raises NotShown.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (Unavailable, NotAllowed) as error:
        raise NotShown(done, payment, error.message) from error
    except OSError as error:
        raise NotShown(done, payment, f"{error.strerror or type(error).__name__}.") from error
