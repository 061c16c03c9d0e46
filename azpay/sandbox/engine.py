"""An embedded Stripe: requests in, answers and webhooks out. No socket, no thread, no clock of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from azpay.sandbox import incidents
from azpay.sandbox.clock import Clock
from azpay.sandbox.database import AnotherVersion, Database
from azpay.sandbox.exchange import Desk
from azpay.sandbox.keys import Keys
from azpay.sandbox.past.pasts import Past
from azpay.sandbox.policy import Policy
from azpay.sandbox.posting import Posting
from azpay.sandbox.rendering import render
from azpay.sandbox.resources.authentication import awaiting, decide
from azpay.sandbox.running import one_at_a_time
from azpay.sandbox.troubles import Troubles
from azpay.sandbox.turns import Turn
from azpay.sandbox.versions import ACCOUNT_DEFAULT, LATEST, check_version
from azpay.sandbox.views import Views
from azpay.sandbox.webhooks import RETRY_AFTER
from azpay.sandbox.world import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from azpay.sandbox.past.orders import Order, Progress
    from azpay.sandbox.wire import Json, Request, Response

DEFAULT_KEY = "sk_test_azpay_sandbox"
DEFAULT_ACCOUNT = "acct_1SandboxAzpay0001"

_STEPS_AT_ONCE = 5000


class Sandbox(Troubles, Posting, Views):
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

    @one_at_a_time
    def handle(self, request: Request, *, hold: bool = False) -> Response:
        """Answer one request. Raises `Lost` when a fault breaks the connection.

        With `hold`, the caller lets the answer's delay pass, and says `release` when it has gone out.
        """
        self.tick()
        return self._desk.answer(request, hold=hold)

    @one_at_a_time
    def release(self, request: Request) -> None:
        """A delayed answer has gone out: its idempotency key is free to be asked again."""
        self._desk.release(request)

    @one_at_a_time
    def awaiting_authentication(self, intent: str) -> Json:
        """What a customer is asked to approve, its method expanded. Raises `StripeError` if nothing is."""
        self.tick()
        world = self._world
        return render(world, awaiting(world, intent), version=LATEST, expand=["payment_method"])

    @one_at_a_time
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

    @one_at_a_time
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

    @one_at_a_time
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
