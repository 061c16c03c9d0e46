"""What goes wrong on purpose.

A fault is asked for by a header of the request, armed for requests to come, or drawn by a chaos profile.
The first of them that fits a request strikes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from azpay.sandbox.chaos import Chaos
from azpay.sandbox.errors import bad_request
from azpay.sandbox.mishaps import Mishap, MishapKind, parse

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json, Request

HEADER = "x-sandbox-fault"


@dataclass(slots=True)
class Fault:
    """A mishap that waits for requests. `path` is a prefix; an empty path or method fits all."""

    mishap: Mishap
    path: str = ""
    method: str = ""
    times: int = 1

    def fits(self, request: Request) -> bool:
        return request.path.startswith(self.path) and self.method in ("", request.method)


class Faults:
    """Faults to come: armed ones, each for a number of requests or events, and those of a chaos profile."""

    def __init__(self) -> None:
        self.chaos = Chaos()
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        self._armed.append(fault)

    def disarm(self) -> None:
        self._armed.clear()

    def strike(self, request: Request) -> Mishap | None:
        """What this request meets, if anything. It counts as used."""
        header = request.headers.get(HEADER)
        if header is not None:
            return _from_header(header)
        for fault in self._armed:
            if fault.fits(request):
                fault.times -= 1
                if fault.times <= 0:
                    self._armed.remove(fault)
                return fault.mishap
        return self.chaos.draw(request)

    def dump(self) -> Json:
        return {
            "armed": [asdict(fault) for fault in self._armed],
            "chaos": self.chaos.dump(),
        }

    @classmethod
    def load(cls, data: Json) -> Faults:
        faults = cls()
        faults._armed = [_armed(**fault) for fault in data["armed"]]
        faults.chaos = Chaos.load(data["chaos"])
        return faults


def _armed(mishap: Json, **where: Any) -> Fault:
    return Fault(Mishap(**{**mishap, "kind": MishapKind(mishap["kind"])}), **where)


def _from_header(value: str) -> Mishap:
    try:
        return parse(value)
    except ValueError as error:
        raise bad_request(f"Invalid X-Sandbox-Fault. {error}") from error
