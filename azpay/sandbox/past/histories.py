"""Writing the past of a sandbox: piece by piece in the order of time, a slice at a time.

Every purchase is filled into the mould of its scene; what belongs to later acts waits for its time. The
balance is carried along, so that it is what its transactions add up to after every slice.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from azpay.sandbox import currencies, external_accounts
from azpay.sandbox.ids import spelled
from azpay.sandbox.past.casting import moulds
from azpay.sandbox.past.payouts import STAYS, Renamed, Runs
from azpay.sandbox.past.trade import Shop
from azpay.sandbox.plates import OWN
from azpay.sandbox.policy import Policy
from azpay.sandbox.world import EVENTS_KEPT_FOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from azpay.sandbox.past.moulds import Money, Mould, Piece, Values
    from azpay.sandbox.past.orders import Order
    from azpay.sandbox.past.payouts import PastPayout
    from azpay.sandbox.past.trade import Purchase
    from azpay.sandbox.store import Remains
    from azpay.sandbox.world import World


_REMEMBERED = 2 * EVENTS_KEPT_FOR
"""Whose last act is older has left no events, whatever came after it."""


class Waiting(NamedTuple):
    """A piece whose time is to come. `own` is its batch, `ready` when its money could be paid out."""

    at: int
    number: int
    piece: Piece
    values: Values
    story: int
    own: str
    ready: int


class History:
    """`made` purchases are done. Lives through everything again, and writes what was not `written` before."""

    def __init__(self, world: World, order: Order, *, since: int, until: int, written: int = 0) -> None:
        self.made = 0
        self.written = written
        self._world = world
        self._order = order
        self._since, self._until = since, until
        self._lived = 0
        self._due: list[tuple[int, str, str]] = []
        self._maturing = set[int]()
        self._moulds = moulds(world.account, since)
        self._runs = Runs(until)
        self._waiting: list[Waiting] = []
        self._pushed = 0
        self._remains: dict[str, list[Remains]] = defaultdict(list)
        self._told = 0
        self._stories: list[tuple[int, bytes]] = []
        self._steps = self._all()

    def write(self, steps: int) -> bool:
        """Do so many purchases more. True when there is nothing more to do."""
        for _ in range(steps):
            if next(self._steps, None) is None:
                self._lay_down()
                return True
        self._lay_down()
        return False

    def _lay_down(self) -> None:
        self._world.database.tell(self._stories)
        self._stories.clear()
        for prefix, remains in self._remains.items():
            self._world.collections[prefix].lay(remains)
        self._remains.clear()

    def _all(self) -> Iterator[bool]:
        for purchase in self._shop().purchases():
            self._live_until(purchase.acts[0])
            self._buy(purchase)
            self.made += 1
            yield True
        self._live_until(self._until)
        for left in self._runs.left():
            self._rename(left)
        self._hand_over()

    def _live_until(self, time: int) -> None:
        """Every run of payouts up to this time, and everything before it, in its order."""
        while (run := self._runs.next(time)) is not None:
            self._write_until(run)
            for done in self._runs.close():
                if isinstance(done, Renamed):
                    self._rename(done)
                else:
                    self._pay_out(done)
        self._write_until(time)

    def _rename(self, renamed: Renamed) -> None:
        self._lay_down()
        name = self._world.ledger.open_batch(renamed.currency) if renamed.name == STAYS else renamed.name
        self._world.ledger.transactions.give("_batch", renamed.batch, name)

    def _hand_over(self) -> None:
        """What was still to happen when the past ended happens from now on."""
        for ready in sorted(self._maturing):
            self._world.release_at(ready)
        for at, what, on in sorted(self._due):
            if at >= self._until:
                self._world.schedule.plan(at, what, on)

    def _shop(self) -> Shop:
        return Shop(self._order, since=self._since, until=self._until)

    def _buy(self, purchase: Purchase) -> None:
        person, seed = purchase.person, self._order.seed
        known = {"name": person.name, "email": person.email, "order": f"{purchase.number:08}"}
        known |= _figures(purchase)
        if purchase.buyer > 0:
            known["customer"] = spelled("cus", f"{seed}:past:customer:{purchase.buyer}")
            known["method"] = spelled("pm", f"{seed}:past:method:{purchase.buyer}")
        events = purchase.acts[-1] >= self._until - _REMEMBERED
        if purchase.arrives:
            arrival = self._moulds.arrival(person.card, events=events)
            self._expect(arrival, purchase.acts, known, f"arrival:{purchase.buyer}")
        mould = self._moulds.purchase(purchase, events=events)
        self._expect(mould, purchase.acts, known, f"purchase:{purchase.number}")

    def _pay_out(self, payout: PastPayout) -> None:
        mould = self._moulds.payout(payout, arrived=payout.acts[1] < self._until)
        bank = external_accounts.default_for(self._world, payout.currency)["id"]
        known = {"amount": str(payout.amount), "bank": bank}
        self._expect(mould, payout.acts, known, f"payout:{payout.batch}", batch=payout.batch)

    def _expect(
        self, mould: Mould, acts: Sequence[int], known: Mapping[str, str], name: str, batch: str = ""
    ) -> None:
        story, values = mould.fill(known, acts, f"{self._order.seed}:past:{name}")
        self._told += 1
        self._stories.append((self._told, story))
        for piece in mould.pieces:
            at = piece.created.at(acts)
            if piece.prefix != "evt" or at >= self._world.opened - EVENTS_KEPT_FOR:
                self._push(piece, at, values, acts, batch)
        self._due += [(when.at(acts), what, str(values[on])) for when, what, on in mould.due]

    def _push(self, piece: Piece, at: int, values: Values, acts: Sequence[int], batch: str) -> None:
        ready = 0
        if piece.money is not None:
            ready = piece.money.ready.at(acts)
            batch = batch or self._batch(piece.money, values, ready)
        self._pushed += 1
        heappush(self._waiting, Waiting(at, self._pushed, piece, values, self._told, batch, ready))

    def _batch(self, money: Money, values: Values, ready: int) -> str:
        batch = self._runs.note(money.currency, money.filled(values), ready)
        return self._world.ledger.open_batch(money.currency) if batch == STAYS else batch

    def _write_until(self, time: int) -> None:
        """Everything that happened before this time, in its order."""
        while self._waiting and self._waiting[0].at < time:
            waiting = heappop(self._waiting)
            self._lived += 1
            if waiting.ready >= self._until:
                self._maturing.add(waiting.ready)
            if self._lived > self.written:
                self._write(waiting)
                self.written = self._lived

    def _write(self, waiting: Waiting) -> None:
        piece, values = waiting.piece, waiting.values
        values[OWN] = waiting.own
        self._remains[piece.prefix].append(piece.remains(waiting.at, waiting.story, values))
        if piece.money is not None:
            self._world.ledger.carry(
                piece.money.currency,
                piece.money.filled(values),
                ready=None if waiting.ready < self._until else waiting.ready,
            )


def _figures(purchase: Purchase) -> dict[str, str]:
    """All amounts of a purchase."""
    amount, currency = purchase.amount, purchase.cast.currency
    fee = currencies.fee(amount, currency)
    figures = {
        "amount": amount,
        "part": purchase.part,
        "fee": fee,
        "net": amount - fee,
        "withdrawn": amount + currencies.in_decimals_of(Policy().dispute_fee, currency),
    }
    return {name: str(figure) for name, figure in figures.items()}
