"""One mould for each scene and cast, cut when it is first needed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.cutting import Cutter
from azpay.sandbox.past.scenes import Ending, play, play_arrival, play_payout
from azpay.sandbox.past.setting import Setter
from azpay.sandbox.resources.payouting import PAID_OUT_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from azpay.sandbox.past.moulds import Mould
    from azpay.sandbox.past.payouts import PastPayout
    from azpay.sandbox.past.scenes import Played
    from azpay.sandbox.past.trade import Purchase
    from azpay.sandbox.world import Account

_SETTLE_LATER = (Ending.PAID, Ending.AUTHENTICATED)


@cache
def moulds(account: Account, since: int) -> Moulds:
    """Cut once for each account and first day."""
    return Moulds(account, since)


class Moulds:
    def __init__(self, account: Account, since: int) -> None:
        self._account = account
        self._midnight = since
        self._cut: dict[Hashable, tuple[Mould, Mould]] = {}

    def purchase(self, purchase: Purchase, *, events: bool) -> Mould:
        cast, ending = purchase.cast, purchase.ending
        settled = purchase.settled or ending not in _SETTLE_LATER
        return self._mould(
            (cast, ending, settled),
            cast.currency,
            lambda: play(self._account, cast, ending, self._midnight + DAY // 2, settled=settled),
            events=events,
        )

    def arrival(self, card: str, *, events: bool) -> Mould:
        return self._mould(
            card,
            "usd",
            lambda: play_arrival(self._account, card, self._midnight + DAY // 2),
            events=events,
        )

    def payout(self, payout: PastPayout, *, arrived: bool) -> Mould:
        begins = self._midnight + PAID_OUT_AT
        return self._mould(
            (payout.currency, arrived),
            payout.currency,
            lambda: play_payout(self._account, payout.currency, begins, arrived=arrived),
            events=True,
        )

    def _mould(self, key: Hashable, currency: str, play_it: Callable[[], Played], *, events: bool) -> Mould:
        known = self._cut.get(key)
        if known is None:
            cuts = Cutter(play_it(), currency).cut()
            known = self._cut[key] = (Setter(cuts.without_events()).mould(), Setter(cuts).mould())
        return known[events]
