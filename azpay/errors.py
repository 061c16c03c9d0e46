"""What can go wrong, in the few kinds that a caller can act on.

    AzpayError
    ├── Failed          tried, and nothing was moved
    │   └── NotFound    there is no such thing
    ├── Usage           the request itself is wrong: fix it and ask again
    ├── Declined        the bank or Stripe said no
    ├── NotAllowed      no key, wrong key, no permission, wrong configuration
    ├── Unavailable     Stripe, the database or mail could not be reached; nothing was moved
    ├── Refused         one of our own guards said no
    ├── Conflict        it contradicts what is already on record
    └── OutcomeUnknown  it may have happened: only the same request again is safe

Particular errors live beside the code that raises them and subclass one of these. The edges translate
kinds, never particulars: the command line to an exit status, HTTP to a status code.
"""

from __future__ import annotations

from typing import ClassVar


class AzpayError(Exception):
    """What happened, in a sentence; `hint` says what to do next, `operation` names the stored intent."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, operation: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.operation = operation


class Failed(AzpayError):
    """It was tried and did not succeed. Nothing was moved."""

    code = "failed"


class NotFound(Failed):
    """There is no such thing on record."""

    code = "not_found"


class Usage(AzpayError):
    """The command line, the request or a file is wrong."""

    code = "usage"


class Declined(AzpayError):
    """The bank or Stripe declined."""

    code = "declined"


class NotAllowed(AzpayError):
    """A key, a role, a permission or the configuration is missing or wrong."""

    code = "not_allowed"


class Unavailable(AzpayError):
    """Something we depend on could not be reached. Nothing was moved; asking again is safe."""

    code = "unavailable"


class Refused(AzpayError):
    """A guard of ours stopped it: live mode, a limit, a suspected duplicate."""

    code = "refused"


class Conflict(AzpayError):
    """It contradicts what is on record: the same key with other parameters, or the wrong state."""

    code = "conflict"


class OutcomeUnknown(AzpayError):
    """The request left us and no answer came back. The money may or may not have moved."""

    code = "outcome_unknown"
