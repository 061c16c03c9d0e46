"""`--idempotency-key`: the same request again is answered the same, and another one refused at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.bootstrap import Azpay
    from azpay.operations import Answers, Kind
    from azpay.payments import ChargeRequest, RefundRequest


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request under its caller's key; without a key nothing is remembered."""

    azpay: Azpay
    kind: Kind
    request: ChargeRequest | RefundRequest

    def said(self) -> dict[str, Any] | None:
        """What was answered before. Raises AnotherRequest, before anything is sent."""
        key = self.request.idempotency_key
        if key is None:
            return None
        return self._answers.replayed(self._scope, key, self._digest, now=self.azpay.now())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Give the key back when nothing came of the request; not while that is unknown."""
        from azpay.errors import AzpayError, OutcomeUnknown

        key = self.request.idempotency_key
        try:
            yield
        except OutcomeUnknown:
            raise
        except AzpayError:
            if key is not None:
                self._answers.release(self._scope, key)
            raise

    def keep(self, answer: dict[str, Any]) -> None:
        """Say this from now on."""
        key = self.request.idempotency_key
        if key is not None:
            self._answers.keep(self._scope, key, self._digest, answer, now=self.azpay.now())

    @property
    def _answers(self) -> Answers:
        from azpay.operations import Answers

        return Answers(self.azpay.db, self.azpay.cache)

    @property
    def _scope(self) -> str:
        return f"cli:{self.kind}"

    @property
    def _digest(self) -> str:
        from azpay.operations import fingerprint

        asked = asdict(self.request)
        asked.pop("allow_duplicate")
        return fingerprint(self.kind, **asked)
