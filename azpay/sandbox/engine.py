"""An embedded Stripe: requests in, answers and webhooks out. No socket, no thread, no clock of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from azpay.sandbox import incidents, mailing
from azpay.sandbox.chaos import Chaos
from azpay.sandbox.exchange import Desk
from azpay.sandbox.faults import Fault
from azpay.sandbox.idempotency import Answers
from azpay.sandbox.keys import Keys
from azpay.sandbox.limits import LIMITS, Meter
from azpay.sandbox.mishaps import Mishap, MishapKind, named
from azpay.sandbox.policy import Policy
from azpay.sandbox.rendering import render
from azpay.sandbox.resources import WORK, stripecli, webhook_endpoints
from azpay.sandbox.resources.authentication import awaiting, decide
from azpay.sandbox.store import Query
from azpay.sandbox.summary import summary
from azpay.sandbox.upsets import Upset, UpsetKind
from azpay.sandbox.versions import ACCOUNT_DEFAULT, LATEST, check_version, visible
from azpay.sandbox.webhooks import RETRY_AFTER
from azpay.sandbox.world import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from azpay.sandbox.chaos import Profile
    from azpay.sandbox.wire import Delivery, Json, Request, Response

DEFAULT_KEY = "sk_test_azpay_sandbox"
DEFAULT_ACCOUNT = "acct_1SandboxAzpay0001"
DAY = 24 * 60 * 60

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
        api_version: str = ACCOUNT_DEFAULT,
        policy: Policy | None = None,
    ) -> None:
        """Raises `StripeError` for an `api_version` that never was."""
        self._turn = RLock()
        self._clock = now
        self._offset = 0
        account = Account(account_id, country, currency, check_version(api_version))
        self._world = World(account, seed=seed, time=self._now(), retry_after=webhook_retries)
        incidents.agree(self._world, policy or Policy())
        self._desk = Desk(self._world, Keys(api_keys))
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

    @property
    def api_version(self) -> str:
        """What the account's events are rendered in, and the answers to requests that name no version."""
        return self._world.account.api_version

    @api_version.setter
    def api_version(self, version: str) -> None:
        self.changes += 1
        self._world.account = replace(self._world.account, api_version=check_version(version))

    @_one_at_a_time
    def handle(self, request: Request, *, hold: bool = False) -> Response:
        """Answer one request. Raises `Lost` when a fault breaks the connection.

        With `hold`, the caller lets the answer's delay pass, and says `release` when it has gone out.
        """
        self.tick()
        if request.method != "GET":
            self.changes += 1
        return self._desk.answer(request, hold=hold)

    @_one_at_a_time
    def release(self, request: Request) -> None:
        """A delayed answer has gone out: its idempotency key is free to be asked again."""
        self._desk.release(request)

    @_one_at_a_time
    def awaiting_authentication(self, intent: str) -> Json:
        """What a customer is asked to approve, its method expanded. Raises `StripeError` if nothing is."""
        self.tick()
        world = self._world
        return render(world, awaiting(world, intent), version=LATEST, expand=["payment_method"])

    @_one_at_a_time
    def authenticate(self, intent: str, *, approve: bool) -> str | None:
        """The customer's side of 3D Secure. Returns where the customer goes next, if anywhere."""
        self.tick()
        self.changes += 1
        return decide(self._world, awaiting(self._world, intent), approve=approve)

    @property
    def policy(self) -> Policy:
        return self._world.policy

    def agree(self, policy: Policy) -> None:
        """The account is treated so from now on."""
        self.act(lambda world: incidents.agree(world, policy))

    @_one_at_a_time
    def act(self, deed: Callable[[World], R]) -> R:
        """Let something happen to the account that no request could bring about; see `incidents`."""
        self.tick()
        self.changes += 1
        done = deed(self._world)
        self.tick()
        return done

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
        self._arm(Fault(Mishap(MishapKind.DROP_ANSWER), path, times=times))

    def drop_next_request(self, *, path: str = "", times: int = 1) -> None:
        """The next request is lost before it has any effect."""
        self._arm(Fault(Mishap(MishapKind.DROP_REQUEST), path, times=times))

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
        """Answer the next request with an error of Stripe's; see `Mishap` for `store` and `effect`."""
        reason = "global-rate" if (status, code) == (429, None) else None
        mishap = Mishap(MishapKind.FAIL, status, code, store, effect, reason)
        self._arm(Fault(mishap, path, times=times))

    def spoil_next(
        self, fault: str, *, path: str = "", method: str = "", times: int = 1, seconds: float | None = None
    ) -> None:
        """The next request meets the fault of this name. Raises ValueError when there is none such."""
        self._arm(Fault(named(fault, seconds), path, method, times))

    @_one_at_a_time
    def disarm(self) -> None:
        """Forget the faults that still wait for requests."""
        self.changes += 1
        self._world.faults.disarm()

    @_one_at_a_time
    def follow(self, chaos: Profile) -> None:
        """From now on requests meet the faults of this profile. Draws go on where they were."""
        self.changes += 1
        faults = self._world.faults
        faults.chaos = Chaos(chaos, faults.chaos.drawn)

    @_one_at_a_time
    def limit_requests(self, limits: str) -> None:
        """`off`, `test` or `live`: Stripe's rate limits. Raises ValueError for any other word."""
        if limits not in LIMITS:
            raise ValueError(f"There are no rate limits {limits[:40]!r}. Known are {', '.join(LIMITS)}.")
        self._desk.meter = Meter(LIMITS[limits])

    @_one_at_a_time
    def add_key(self, key: str, permissions: Sequence[str] | None = None) -> None:
        """A secret key (`sk_test_…`), or a restricted one (`rk_test_…`) with its permissions.

        Raises ValueError for what cannot be one. Adding a key again changes what it may do.
        """
        self.changes += 1
        self._desk.keys.add(key, permissions)

    @_one_at_a_time
    def expire_key(self, key: str) -> None:
        """Raises ValueError when there is no such key."""
        self.changes += 1
        self._desk.keys.expire(key)

    def _arm(self, fault: Fault) -> None:
        self.changes += 1
        self._world.faults.arm(fault)

    def lose_events(self, *types: str, times: int = 1) -> None:
        """The next events of these types are made, but no webhook brings them."""
        self.upset_events(UpsetKind.LOST, *types, times=times)

    def never_make_events(self, *types: str) -> None:
        self.upset_events(UpsetKind.NEVER_MADE, *types, times=None)

    @_one_at_a_time
    def upset_events(self, kind: UpsetKind, *types: str, times: int | None = 1, seconds: int = 0) -> None:
        """Let this befall the next events of each type, for ever without `times`; `seconds` is a delay."""
        self.changes += 1
        self._world.upsets.arm(Upset(kind, each, times, seconds) for each in types)

    @_one_at_a_time
    def calm_events(self) -> None:
        """Nothing more befalls events, whatever was armed."""
        self.changes += 1
        self._world.upsets.disarm()

    @property
    def armed_upsets(self) -> list[Json]:
        return self._world.upsets.armed()

    @_one_at_a_time
    def retry_webhooks_after(self, seconds: Sequence[int]) -> None:
        """From now on, a delivery that failed is repeated after these times."""
        self.changes += 1
        self._world.deliveries.repeat_after(seconds)

    @_one_at_a_time
    def roll_secret(self, endpoint: str, *, overlap: int = DAY) -> str:
        """A new secret for an endpoint. Raises `StripeError` when there is none with this id."""
        self.tick()
        self.changes += 1
        return webhook_endpoints.roll_secret(self._world, endpoint, overlap=overlap)

    @_one_at_a_time
    def listen(self, listener: str, *, listens: bool) -> Json | None:
        """A listener of the Stripe CLI has come or gone. None when there is none with this id."""
        return stripecli.listen(self._world, listener, listens=listens)

    @_one_at_a_time
    def latest(self, limit: int) -> dict[str, list[Json]]:
        """The newest objects, newest first, by what they are called."""
        self.tick()
        collections = self._world.collections.values()
        return {rows.kind: _shown(rows.page(Query(limit=limit))[0]) for rows in collections}

    @property
    def waiting_deliveries(self) -> int:
        """How many webhooks are still to be posted, or to be settled."""
        return len(self._world.deliveries)

    @_one_at_a_time
    def find(self, identifier: str) -> Json | None:
        """Whatever has this id, as the newest version shows it."""
        self.tick()
        found = self._world.find(identifier)
        if found is None or identifier.startswith("evt_"):
            return found and _whole_event(found)
        return _shown([found])[0]

    @_one_at_a_time
    def snapshot(self) -> bytes:
        """Everything, as JSON, for `restore`."""
        state = {
            "schema": _STATE,
            "offset": self._offset,
            "keys": self._desk.keys.dump(),
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
            sandbox._desk = Desk(sandbox._world, Keys.load(state["keys"]), Answers.load(state["answers"]))
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
    def mandates(self) -> list[Json]:
        return _shown(self._world.mandates)

    @property
    def setup_attempts(self) -> list[Json]:
        return _shown(self._world.setup_attempts)

    @property
    def setup_intents(self) -> list[Json]:
        return _shown(self._world.setup_intents)

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
