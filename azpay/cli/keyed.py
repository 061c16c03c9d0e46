"""`--idempotency-key`: the same request again is answered the same, and another one refused at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.bootstrap import Azpay
    from azpay.operations import Kind
    from azpay.payments import ChargeRequest, RefundRequest


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request under its caller's key; without a key nothing is remembered."""

    azpay: Azpay
    kind: Kind
    request: ChargeRequest | RefundRequest

    @property
    def _scope(self) -> str:
        return f"cli:{self.kind}"

    def said(self) -> dict[str, Any] | None:
        """What was answered before. Raises AnotherRequest, before anything is sent."""
        from azpay.operations import fingerprint, idempotency

        key, now = self.request.idempotency_key, self.azpay.now()
        if key is None:
            return None
        asked = asdict(self.request)
        asked.pop("allow_duplicate")
        digest = fingerprint(self.kind, **asked)
        return self.azpay.db.write(
            lambda session: idempotency.replayed(session, self._scope, key, digest, now)
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Give the key back when nothing came of the request; not while that is unknown."""
        from azpay.errors import AzpayError, OutcomeUnknown
        from azpay.operations import idempotency

        key = self.request.idempotency_key
        try:
            yield
        except OutcomeUnknown:
            raise
        except AzpayError:
            if key is not None:
                self.azpay.db.write(lambda session: idempotency.release(session, self._scope, key))
            raise

    def keep(self, answer: dict[str, Any]) -> None:
        """Say this from now on."""
        from azpay.operations import idempotency

        key, now = self.request.idempotency_key, self.azpay.now()
        if key is not None:
            self.azpay.db.write(lambda session: idempotency.keep(session, self._scope, key, answer, now))
