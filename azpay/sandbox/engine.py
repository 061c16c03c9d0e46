"""An embedded Stripe: requests in, answers and webhooks out. No socket, no thread, no clock of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from azpay.sandbox import incidents, mailing
from azpay.sandbox.chaos import Chaos
from azpay.sandbox.clock import Clock
from azpay.sandbox.database import AnotherVersion, Database
from azpay.sandbox.exchange import Desk
from azpay.sandbox.faults import Fault
from azpay.sandbox.keys import Keys
from azpay.sandbox.limits import LIMITS, Meter
from azpay.sandbox.mishaps import Mishap, MishapKind, named
from azpay.sandbox.past.pasts import Past
from azpay.sandbox.policy import Policy
from azpay.sandbox.rendering import render
from azpay.sandbox.resources import WORK, stripecli, webhook_endpoints
from azpay.sandbox.resources.authentication import awaiting, decide
from azpay.sandbox.store import Query
from azpay.sandbox.summary import summary
from azpay.sandbox.turns import Turn
from azpay.sandbox.upsets import Upset, UpsetKind
from azpay.sandbox.versions import ACCOUNT_DEFAULT, LATEST, check_version, visible
from azpay.sandbox.webhooks import RETRY_AFTER
from azpay.sandbox.world import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from azpay.sandbox.chaos import Profile
    from azpay.sandbox.past.orders import Order, Progress
    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Delivery, Json, Request, Response

DEFAULT_KEY = "sk_test_azpay_sandbox"
DEFAULT_ACCOUNT = "acct_1SandboxAzpay0001"
DAY = 24 * 60 * 60

_EVENTS_ARE_DISCARDED_EVERY = 60 * 60
_STEPS_AT_ONCE = 5000

P = ParamSpec("P")
R = TypeVar("R")


def _one_at_a_time(method: Callable[Concatenate[Sandbox, P], R]) -> Callable[Concatenate[Sandbox, P], R]:
    """Callers may have threads; the world has none. What a call does is kept as a whole or not at all."""

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
        starts: datetime | None = None,
        database: Callable[[str], Database] = Database.in_memory,
    ) -> None:
        """`database` opens one with the tables it is given; what was kept in it counts for more than what is
        said here. `starts` is where the clock begins, if not at `now`. Raises `StripeError` for an
        `api_version` that never was, and ClockGoesBack where the kept clock is beyond `starts`.
        """
        self.clock = Clock(now)
        if starts is not None:
            self.clock.start_at(int(starts.timestamp()))
        account = Account(account_id, country, currency, check_version(api_version))
        time = self.clock.now()
        self._world = World(account, seed=seed, time=time, retry_after=webhook_retries, database=database)
        self._desk = Desk(self._world, Keys(api_keys))
        self._past = Past(self._world)
        self._turn = Turn(self._keep, self._undo)
        self._events_discarded_at = 0
        try:
            self._resume(policy or Policy(), starts)
        except BaseException:
            self._world.database.close()
            raise

    @property
    def account_id(self) -> str:
        return self._world.account.id

    @property
    def base_url(self) -> str:
        """Where customers find the pages of this sandbox."""
        return self._world.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        with self._turn:
            self._world.base_url = url

    @property
    def api_version(self) -> str:
        """What the account's events are rendered in, and the answers to requests that name no version."""
        return self._world.account.api_version

    @api_version.setter
    def api_version(self, version: str) -> None:
        with self._turn:
            self._world.account = replace(self._world.account, api_version=check_version(version))

    @_one_at_a_time
    def handle(self, request: Request, *, hold: bool = False) -> Response:
        """Answer one request. Raises `Lost` when a fault breaks the connection.

        With `hold`, the caller lets the answer's delay pass, and says `release` when it has gone out.
        """
        self.tick()
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
        done = deed(self._world)
        self.tick()
        return done

    @_one_at_a_time
    def tick(self) -> None:
        """Do everything whose time has come, each at its own time and as a unit of its own."""
        world, now = self._world, self.clock.now()
        while (due := world.schedule.pop(now)) is not None:
            world.time = max(world.time, due.at)
            self._keep()
            WORK[due.what](world, due.on)
            self._keep()
        world.time = max(world.time, now)
        self._discard_old_events()

    def _discard_old_events(self) -> None:
        if self._world.time >= self._events_discarded_at + _EVENTS_ARE_DISCARDED_EVERY:
            self._world.discard_old_events()
            self._events_discarded_at = self._world.time

    @_one_at_a_time
    def advance(self, seconds: int) -> None:
        """Put the clock forward."""
        self.clock.put(self.clock.now() + seconds)
        self.tick()

    @_one_at_a_time
    def put_clock(self, time: datetime) -> None:
        """Jump to this time. Raises ClockGoesBack when it has passed."""
        self.clock.put(int(time.timestamp()))
        self.tick()

    @_one_at_a_time
    def stop_clock(self) -> None:
        """Time stands still until it is put forward, or runs again."""
        self.clock.stop()

    @_one_at_a_time
    def run_clock(self) -> None:
        """Time goes on from where it stands."""
        self.clock.run()

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def next_due(self) -> int | None:
        """When there is work or a delivery next, by this sandbox's clock."""
        known = (self._world.schedule.next_at(), self._world.deliveries.next_at())
        return min((at for at in known if at is not None), default=None)

    def seconds_until_due(self) -> float | None:
        """By the clock that was handed in; None while nothing comes by itself."""
        due = self.next_due()
        return None if due is None else self.clock.until(due)

    @_one_at_a_time
    def subscribe(self, url: str, *, secret: str) -> None:
        """Post every event to `url`, signed with `secret`."""
        webhook_endpoints.subscribe(self._world, url, secret)

    @_one_at_a_time
    def due_deliveries(self) -> list[Delivery]:
        """What is to be posted now. Say what came of each with `delivered`."""
        self.tick()
        return mailing.due_deliveries(self._world, signed_at=self.clock.outside())

    @_one_at_a_time
    def delivered(self, delivery: Delivery, status: int | None) -> None:
        """The endpoint's HTTP status, or None when there was no answer."""
        self.tick()
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
        self._world.faults.disarm()

    @_one_at_a_time
    def follow(self, chaos: Profile) -> None:
        """From now on requests meet the faults of this profile. Draws go on where they were."""
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
        self._desk.keys.add(key, permissions)

    @_one_at_a_time
    def expire_key(self, key: str) -> None:
        """Raises ValueError when there is no such key."""
        self._desk.keys.expire(key)

    @_one_at_a_time
    def _arm(self, fault: Fault) -> None:
        self._world.faults.arm(fault)

    def lose_events(self, *types: str, times: int = 1) -> None:
        """The next events of these types are made, but no webhook brings them."""
        self.upset_events(UpsetKind.LOST, *types, times=times)

    def never_make_events(self, *types: str) -> None:
        self.upset_events(UpsetKind.NEVER_MADE, *types, times=None)

    @_one_at_a_time
    def upset_events(self, kind: UpsetKind, *types: str, times: int | None = 1, seconds: int = 0) -> None:
        """Let this befall the next events of each type, for ever without `times`; `seconds` is a delay."""
        self._world.upsets.arm(Upset(kind, each, times, seconds) for each in types)

    @_one_at_a_time
    def calm_events(self) -> None:
        """Nothing more befalls events, whatever was armed."""
        self._world.upsets.disarm()

    @property
    def armed_upsets(self) -> list[Json]:
        return self._world.upsets.armed()

    @_one_at_a_time
    def retry_webhooks_after(self, seconds: Sequence[int]) -> None:
        """From now on, a delivery that failed is repeated after these times."""
        self._world.deliveries.repeat_after(seconds)

    @_one_at_a_time
    def roll_secret(self, endpoint: str, *, overlap: int = DAY) -> str:
        """A new secret for an endpoint. Raises `StripeError` when there is none with this id."""
        self.tick()
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
    def seed(self, order: Order, *, steps: int | None = None) -> Progress:
        """Write the past that was ordered, or `steps` payments of it; then call again with the same order.

        Raises SeededAlready when there is another past.
        """
        self.tick()
        progress = self._past.write(order, steps or _STEPS_AT_ONCE)
        while steps is None and not progress.done:
            self._keep()
            progress = self._past.write(order, _STEPS_AT_ONCE)
        return progress

    @_one_at_a_time
    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        self._keep()
        return self._world.database.content()

    @classmethod
    def restore(cls, data: bytes, *, now: Callable[[], datetime]) -> Sandbox:
        """Go on where `snapshot` was taken. Raises NotAState for anything that is not a snapshot."""
        return cls(now=now, database=partial(Database.restored, data))

    @classmethod
    def open(
        cls, file: Path, *, now: Callable[[], datetime], seed: int = 0, starts: datetime | None = None
    ) -> Sandbox:
        """An account that lives in a file, and a new one, made with `seed`, if the file is not there.

        Every request is in the file before it is answered. Raises NotAState, InUse, or OSError.
        """
        return cls(now=now, seed=seed, starts=starts, database=partial(Database.open, file))

    def close(self) -> None:
        """Let go of the file. A sandbox that is dropped is closed, too."""
        with self._turn:
            self._keep()
        self._world.database.close()

    def _keep(self) -> None:
        """What was done since the last time has happened."""
        self._world.flush()
        self._world.database.keep("sandbox", msgspec.json.encode(self._dump()))
        self._world.database.commit()

    def _undo(self) -> None:
        """Nothing was done since the last time."""
        self._world.database.rollback()
        self._world.forget()
        self._recall()

    def _resume(self, policy: Policy, starts: datetime | None) -> None:
        """Go on where the database was left, or begin, with this policy."""
        try:
            known = self._recall()
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise AnotherVersion(f"This state cannot be read by this version: {error!r}.") from error
        if known:
            self._world.deliveries.resume()
            if starts is not None:
                self.clock.put(int(starts.timestamp()))
        else:
            incidents.agree(self._world, policy)
        self._keep()

    def _dump(self) -> Json:
        return {"clock": self.clock.dump(), "keys": self._desk.keys.dump(), "world": self._world.dump()}

    def _recall(self) -> bool:
        """False when nothing was kept yet."""
        kept = self._world.database.kept("sandbox")
        if kept is None:
            return False
        state = msgspec.json.decode(kept)
        self.clock.recall(state["clock"])
        self._desk.keys = Keys.load(state["keys"])
        self._world.recall(state["world"])
        return True

    @_one_at_a_time
    def summary(self) -> Json:
        """Counts and sums, for a look from outside."""
        self.tick()
        return {"time": self.time.isoformat(), **summary(self._world)}

    @property
    def payment_intents(self) -> list[Json]:
        return self._all(self._world.payment_intents)

    @property
    def charges(self) -> list[Json]:
        return self._all(self._world.charges)

    @property
    def refunds(self) -> list[Json]:
        return self._all(self._world.refunds)

    @property
    def customers(self) -> list[Json]:
        return self._all(self._world.customers)

    @property
    def payment_methods(self) -> list[Json]:
        return self._all(self._world.payment_methods)

    @property
    def mandates(self) -> list[Json]:
        return self._all(self._world.mandates)

    @property
    def setup_attempts(self) -> list[Json]:
        return self._all(self._world.setup_attempts)

    @property
    def setup_intents(self) -> list[Json]:
        return self._all(self._world.setup_intents)

    @property
    def balance_transactions(self) -> list[Json]:
        return self._all(self._world.ledger.transactions)

    @property
    def events(self) -> list[Json]:
        with self._turn:
            return [_whole_event(event) for event in self._world.events.shown()]

    @_one_at_a_time
    def _all(self, rows: Collection) -> list[Json]:
        """Oldest first, as copies: looking does not change anything."""
        return [visible(row, LATEST) for row in rows.shown()]


def _shown(rows: Iterable[Json]) -> list[Json]:
    return [msgspec.json.decode(msgspec.json.encode(visible(row, LATEST))) for row in rows]


def _whole_event(event: Json) -> Json:
    return {**visible(event, LATEST), "data": msgspec.json.decode(event["data"])}
