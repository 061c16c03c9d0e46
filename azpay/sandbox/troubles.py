"""Trouble on order: for the requests to come, and for the events that tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.chaos import Chaos
from azpay.sandbox.faults import Fault
from azpay.sandbox.limits import LIMITS, Meter
from azpay.sandbox.mishaps import Mishap, MishapKind, named
from azpay.sandbox.running import Running, one_at_a_time
from azpay.sandbox.upsets import Upset, UpsetKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.chaos import Profile
    from azpay.sandbox.wire import Json


class Troubles(Running):
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

    @one_at_a_time
    def disarm(self) -> None:
        """Forget the faults that still wait for requests."""
        self._world.faults.disarm()

    @one_at_a_time
    def follow(self, chaos: Profile) -> None:
        """From now on requests meet the faults of this profile. Draws go on where they were."""
        faults = self._world.faults
        faults.chaos = Chaos(chaos, faults.chaos.drawn)

    @one_at_a_time
    def limit_requests(self, limits: str) -> None:
        """`off`, `test` or `live`: Stripe's rate limits. Raises ValueError for any other word."""
        if limits not in LIMITS:
            raise ValueError(f"There are no rate limits {limits[:40]!r}. Known are {', '.join(LIMITS)}.")
        self._desk.meter = Meter(LIMITS[limits])

    @one_at_a_time
    def add_key(self, key: str, permissions: Sequence[str] | None = None) -> None:
        """A secret key (`sk_test_…`), or a restricted one (`rk_test_…`) with its permissions.

        Raises ValueError for what cannot be one. Adding a key again changes what it may do.
        """
        self._desk.keys.add(key, permissions)

    @one_at_a_time
    def expire_key(self, key: str) -> None:
        """Raises ValueError when there is no such key."""
        self._desk.keys.expire(key)

    @one_at_a_time
    def _arm(self, fault: Fault) -> None:
        self._world.faults.arm(fault)

    def lose_events(self, *types: str, times: int = 1) -> None:
        """The next events of these types are made, but no webhook brings them."""
        self.upset_events(UpsetKind.LOST, *types, times=times)

    def never_make_events(self, *types: str) -> None:
        self.upset_events(UpsetKind.NEVER_MADE, *types, times=None)

    @one_at_a_time
    def upset_events(self, kind: UpsetKind, *types: str, times: int | None = 1, seconds: int = 0) -> None:
        """Let this befall the next events of each type, for ever without `times`; `seconds` is a delay."""
        self._world.upsets.arm(Upset(kind, each, times, seconds) for each in types)

    @one_at_a_time
    def calm_events(self) -> None:
        """Nothing more befalls events, whatever was armed."""
        self._world.upsets.disarm()

    @property
    def armed_upsets(self) -> list[Json]:
        return self._world.upsets.armed()
