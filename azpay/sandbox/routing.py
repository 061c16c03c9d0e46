"""From a method and a path to the function that answers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError
from azpay.sandbox.params import array_of, text
from azpay.sandbox.rendering import LIST_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from azpay.sandbox.params import Shape
    from azpay.sandbox.wire import Download, Json
    from azpay.sandbox.world import World


_KINDS = {
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "customers": "customer",
    "disputes": "dispute",
    "early_fraud_warnings": "radar.early_fraud_warning",
    "events": "event",
    "external_accounts": "bank_account",
    "files": "file",
    "history": "balance_transaction",
    "mandates": "mandate",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "refunds": "refund",
    "setup_attempts": "setup_attempt",
    "setup_intents": "setup_intent",
    "report_runs": "reporting.report_run",
    "report_types": "reporting.report_type",
    "reviews": "review",
    "webhook_endpoints": "webhook_endpoint",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an endpoint, with its parameters checked."""

    ids: Mapping[str, str]
    params: Json
    version: str


Handler: TypeAlias = "Callable[[World, Call], Json | Download]"
Work: TypeAlias = "Callable[[World, str], None]"
"""What is due on the object with this id."""


@dataclass(frozen=True, slots=True)
class Route:
    """`/v1/charges/{charge}`: a segment in braces is taken as an id."""

    method: str
    pattern: str
    shape: Shape
    handler: Handler

    @property
    def takes_file(self) -> bool:
        return self.method == "POST" and "file" in self.shape.required

    @property
    def answers(self) -> str:
        """The kind of object in the answer, read off the address."""
        words = [word for word in self.pattern.split("/") if word in _KINDS]
        kind = _KINDS[words[-1]] if words else ""
        return LIST_OF + kind if words and self._lists(words[-1]) else kind

    def _lists(self, word: str) -> bool:
        return self.method == "GET" and self.pattern.endswith((f"/{word}", f"/{word}/search"))

    def match(self, segments: list[str]) -> dict[str, str] | None:
        ids = {}
        for expected, segment in zip(self.pattern.split("/"), segments, strict=True):
            if expected.startswith("{") and segment:
                ids[expected[1:-1]] = segment
            elif expected != segment:
                return None
        return ids


class Router:
    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = defaultdict(list)
        for route in routes:
            key = (route.method, route.pattern.count("/"))
            self._routes[key].append(_expandable(route))
            self._routes[key].sort(key=lambda known: known.pattern.count("{"))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        segments = path.split("/")
        for route in self._routes.get((method, len(segments) - 1), ()):
            ids = route.match(segments)
            if ids is not None:
                return route, {name: unquote(value) for name, value in ids.items()}
        raise StripeError(404, wording.unknown_address(method, path))


def _expandable(route: Route) -> Route:
    """Every endpoint takes `expand`."""
    return Route(route.method, route.pattern, route.shape.with_(expand=array_of(text())), route.handler)
