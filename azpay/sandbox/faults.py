"""What goes wrong on purpose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from azpay.sandbox.errors import INVALID, StripeError, bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.wire import Json

HEADER = "x-sandbox-fault"


class FaultKind(StrEnum):
    DROP_ANSWER = "drop_answer"
    DROP_REQUEST = "drop_request"
    FAIL = "fail"


@dataclass(slots=True)
class Fault:
    """`path` is a prefix, and the empty one fits every request.

    `store` keeps the failure under the idempotency key, as Stripe keeps its own 500s; `effect` carries the
    request out before failing it.
    """

    kind: FaultKind
    path: str = ""
    times: int = 1
    status: int = 500
    code: str | None = None
    store: bool = False
    effect: bool = False

    def error(self) -> StripeError:
        usual = _ANSWERS.get((self.status, None), ("api_error", _BROKEN, None))
        kind, message, code = _ANSWERS.get((self.status, self.code), usual)
        return StripeError(self.status, message, kind=kind, code=self.code or code)


_BROKEN = "An unknown error occurred"
_ANSWERS: dict[tuple[int, str | None], tuple[str, str, str | None]] = {
    (409, None): (
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        "submitted twice, and the other request is still going through). Please try again later.",
        "idempotency_key_in_use",
    ),
    (429, None): (
        INVALID,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        "rate_limit",
    ),
    (429, "lock_timeout"): (
        INVALID,
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request.",
        "lock_timeout",
    ),
    (503, None): ("api_error", "Stripe is temporarily unavailable. Please try again.", None),
}
_BY_HEADER = {
    "drop-answer": Fault(FaultKind.DROP_ANSWER),
    "drop-request": Fault(FaultKind.DROP_REQUEST),
    "500": Fault(FaultKind.FAIL, status=500),
    "503": Fault(FaultKind.FAIL, status=503),
    "429": Fault(FaultKind.FAIL, status=429),
    "409": Fault(FaultKind.FAIL, status=409),
    "lock_timeout": Fault(FaultKind.FAIL, status=429, code="lock_timeout"),
}


class Faults:
    """Armed faults, each for a number of requests or events."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._lost_events: list[tuple[str, int]] = []
        self._unmade_events: set[str] = set()

    def arm(self, fault: Fault) -> None:
        self._armed.append(fault)

    def strike(self, path: str, header: str | None) -> Fault | None:
        """The fault for this request, if there is one. It counts as used."""
        if header is not None:
            return _from_header(header)
        for fault in self._armed:
            if path.startswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self._armed.remove(fault)
                return fault
        return None

    def lose_events(self, types: Iterable[str], times: int) -> None:
        self._lost_events += [(kind, times) for kind in types]

    def never_make_events(self, types: Iterable[str]) -> None:
        self._unmade_events.update(types)

    def is_unmade(self, kind: str) -> bool:
        return kind in self._unmade_events

    def loses(self, kind: str) -> bool:
        """Whether the delivery of this event is lost. It counts as used."""
        for place, (lost, times) in enumerate(self._lost_events):
            if lost == kind:
                self._lost_events[place : place + 1] = [(lost, times - 1)] if times > 1 else []
                return True
        return False

    def dump(self) -> Json:
        return {
            "armed": [asdict(fault) for fault in self._armed],
            "lost_events": self._lost_events,
            "unmade_events": sorted(self._unmade_events),
        }

    @classmethod
    def load(cls, data: Json) -> Faults:
        faults = cls()
        faults._armed = [Fault(**{**fault, "kind": FaultKind(fault["kind"])}) for fault in data["armed"]]
        faults._lost_events = [(kind, times) for kind, times in data["lost_events"]]
        faults._unmade_events = set(data["unmade_events"])
        return faults


def _from_header(value: str) -> Fault:
    fault = _BY_HEADER.get(value)
    if fault is None:
        raise bad_request(f"Unknown X-Sandbox-Fault: {value[:40]}. Known are {', '.join(_BY_HEADER)}.")
    return fault
