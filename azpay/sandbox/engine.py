"""An embedded Stripe: requests in, answers and webhooks out. No socket, no thread, no clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from azpay.sandbox import mailing
from azpay.sandbox.exchange import Desk
from azpay.sandbox.faults import Fault, FaultKind
from azpay.sandbox.idempotency import Answers
from azpay.sandbox.resources import WORK, webhook_endpoints
from azpay.sandbox.resources.attempts import authenticated, awaiting
from azpay.sandbox.summary import summary
from azpay.sandbox.versions import LATEST, visible
from azpay.sandbox.webhooks import RETRY_AFTER
from azpay.sandbox.world import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from azpay.sandbox.wire import Delivery, Json, Request, Response

DEFAULT_KEY = "sk_test_azpay_sandbox"
DEFAULT_ACCOUNT = "acct_1SandboxAzpay0001"

_STATE = "azpay.sandbox.state/1"

P = ParamSpec("P")
R = TypeVar("R")


def _one_at_a_time(method: Callable[Concatenate[Sandbox, P], R]) -> Callable[Concatenate[Sandbox, P], R]:
    """Callers may have threads; the world has none."""

    @wraps(method)
    def guarded(self: Sandbox, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._turn:
            return method(self, *args, **kwargs)

    return guarded


class Sandbox:
    """One Stripe account. What it does follows from `seed`, the requests, and what `now` says."""

    def __init__(  # noqa: PLR0913 - what sets one account apart from another
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        api_keys: Sequence[str] = (DEFAULT_KEY,),
        account_id: str = DEFAULT_ACCOUNT,
        country: str = "US",
        currency: str = "usd",
        webhook_retries: Sequence[int] = RETRY_AFTER,
    ) -> None:
        self._turn = RLock()
        self._clock = now
        self._offset = 0
        account = Account(account_id, country, currency)
        self._world = World(account, seed=seed, time=self._now(), retry_after=webhook_retries)
        self._desk = Desk(self._world, api_keys)
        self.changes = 0

    @property
    def account_id(self) -> str:
        return self._world.account.id

    @property
    def base_url(self) -> str:
        """Where customers find the pages of this sandbox."""
        return self._world.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._world.base_url = url

    @_one_at_a_time
    def handle(self, request: Request) -> Response:
        """Answer one request. Raises `Lost` when a fault breaks the connection."""
        self.tick()
        if request.method != "GET":
            self.changes += 1
        return self._desk.answer(request)

    @_one_at_a_time
    def awaiting_authentication(self, payment_intent: str) -> Json:
        """The intent that a customer is asked about. Raises `StripeError` when none is."""
        self.tick()
        return visible(awaiting(self._world, payment_intent), LATEST)

    @_one_at_a_time
    def authenticate(self, payment_intent: str, *, approve: bool) -> str | None:
        """The customer's side of 3D Secure. Returns where the customer goes next, if anywhere."""
        self.tick()
        self.changes += 1
        return authenticated(self._world, awaiting(self._world, payment_intent), approve=approve)

    @_one_at_a_time
    def tick(self) -> None:
        """Do everything whose time has come, each at its own time."""
        world, now = self._world, self._now()
        while (due := world.schedule.pop(now)) is not None:
            self.changes += 1
            world.time = max(world.time, due.at)
            WORK[due.what](world, due.on)
        world.time = max(world.time, now)

    @_one_at_a_time
    def advance(self, seconds: int) -> None:
        """Put the clock forward."""
        self._offset += seconds
        self.changes += 1
        self.tick()

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def next_due(self) -> datetime | None:
        """When there is work or a delivery next, by the clock that was handed in."""
        known = (self._world.schedule.next_at(), self._world.deliveries.next_at())
        times = [at for at in known if at is not None]
        return datetime.fromtimestamp(min(times) - self._offset, UTC) if times else None

    def seconds_until_due(self) -> float | None:
        due = self.next_due()
        return None if due is None else (due - self._clock()).total_seconds()

    def _now(self) -> int:
        return int(self._clock().timestamp()) + self._offset

    @_one_at_a_time
    def subscribe(self, url: str, *, secret: str) -> None:
        """Post every event to `url`, signed with `secret`."""
        self.changes += 1
        webhook_endpoints.subscribe(self._world, url, secret)

    @_one_at_a_time
    def due_deliveries(self) -> list[Delivery]:
        """What is to be posted now. Say what came of each with `delivered`."""
        self.tick()
        return mailing.due_deliveries(self._world, signed_at=int(self._clock().timestamp()))

    @_one_at_a_time
    def delivered(self, delivery: Delivery, status: int | None) -> None:
        """The endpoint's HTTP status, or None when there was no answer."""
        self.tick()
        self.changes += 1
        mailing.settle(self._world, delivery, status)

    def drop_next_answer(self, *, path: str = "", times: int = 1) -> None:
        """The next request is carried out, and its answer is lost."""
        self._arm(Fault(FaultKind.DROP_ANSWER, path, times))

    def drop_next_request(self, *, path: str = "", times: int = 1) -> None:
        """The next request is lost before it has any effect."""
        self._arm(Fault(FaultKind.DROP_REQUEST, path, times))

    def fail_next(
        self,
        status: int,
        code: str | None = None,
        *,
        path: str = "",
        times: int = 1,
        store: bool = False,
        effect: bool = False,
    ) -> None:
        """Answer the next request with an error of Stripe's; see `Fault` for `store` and `effect`."""
        self._arm(Fault(FaultKind.FAIL, path, times, status, code, store, effect))

    def _arm(self, fault: Fault) -> None:
        self.changes += 1
        self._world.faults.arm(fault)

    def lose_events(self, *types: str, times: int = 1) -> None:
        """The next events of these types are made, but no webhook brings them."""
        self.changes += 1
        self._world.faults.lose_events(types, times)

    def never_make_events(self, *types: str) -> None:
        self.changes += 1
        self._world.faults.never_make_events(types)

    @_one_at_a_time
    def snapshot(self) -> bytes:
        """Everything, as JSON, for `restore`."""
        state = {
            "schema": _STATE,
            "offset": self._offset,
            "api_keys": self._desk.api_keys,
            "answers": self._desk.answers.dump(),
            "world": self._world.dump(),
        }
        return msgspec.json.encode(state)

    @classmethod
    def restore(cls, data: bytes, *, now: Callable[[], datetime]) -> Sandbox:
        """Go on where `snapshot` was taken. Raises ValueError for anything that is not a snapshot."""
        state = _read_state(data)
        sandbox = cls(now=now)
        try:
            sandbox._offset = state["offset"]
            sandbox._world = World.load(state["world"])
            sandbox._desk = Desk(sandbox._world, state["api_keys"], Answers.load(state["answers"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"This sandbox's state is damaged: {error!r}") from error
        return sandbox

    @_one_at_a_time
    def summary(self) -> Json:
        """Counts and sums, for a look from outside."""
        self.tick()
        return {"time": self.time.isoformat(), **summary(self._world)}

    @property
    def payment_intents(self) -> list[Json]:
        return _shown(self._world.payment_intents)

    @property
    def charges(self) -> list[Json]:
        return _shown(self._world.charges)

    @property
    def refunds(self) -> list[Json]:
        return _shown(self._world.refunds)

    @property
    def customers(self) -> list[Json]:
        return _shown(self._world.customers)

    @property
    def payment_methods(self) -> list[Json]:
        return _shown(self._world.payment_methods)

    @property
    def balance_transactions(self) -> list[Json]:
        return _shown(self._world.ledger.transactions)

    @property
    def events(self) -> list[Json]:
        return [_whole_event(event) for event in self._world.events]


def _shown(rows: Iterable[Json]) -> list[Json]:
    """Copies, oldest first: looking does not change anything."""
    return [msgspec.json.decode(msgspec.json.encode(visible(row, LATEST))) for row in rows]


def _whole_event(event: Json) -> Json:
    return {**visible(event, LATEST), "data": msgspec.json.decode(event["data"])}


def _read_state(data: bytes) -> Json:
    try:
        state: Json = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"This is not a sandbox's state: {error}") from error
    if not isinstance(state, dict) or state.get("schema") != _STATE:
        raise ValueError(f"This is not a sandbox's state of the kind {_STATE}.")
    return state
