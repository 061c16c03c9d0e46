"""The balance: transactions that are never changed, and two sums per currency that follow from them.

At any time, available + pending is the sum of `net` over all transactions.

Whatever becomes available joins the open batch of its currency. An automatic payout takes the whole batch and
closes it: so the rows of a payout are known without a search, and their sum is its amount.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from azpay.sandbox.store import Collection

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

DAY = 24 * 60 * 60
DAYS_PENDING = 2


class Ledger:
    def __init__(self) -> None:
        self.transactions = Collection(
            "balance_transaction", "currency", "type", "source", "_batch", "_matures"
        )
        self.available: dict[str, int] = defaultdict(int)
        self.pending: dict[str, int] = defaultdict(int)
        self.batches: dict[str, int] = defaultdict(int)
        self._maturing = set[int]()

    def post(self, transaction: Json) -> bool:
        """Whether this is the first one that waits for its day, so that its release is to be planned."""
        currency, net = transaction["currency"], transaction["net"]
        self.transactions.add(transaction)
        if transaction["status"] == "available":
            transaction.setdefault("_batch", self.open_batch(currency))
            self.available[currency] += net
            return False
        self.pending[currency] += net
        return self._mature(transaction)

    def _mature(self, transaction: Json) -> bool:
        ready: int = transaction["available_on"]
        transaction["_matures"] = ready
        return self.expects(ready)

    def carry(self, currency: str, net: int, *, ready: int | None) -> None:
        """Take in what a transaction of the past has left: available, or pending until `ready`."""
        (self.available if ready is None else self.pending)[currency] += net

    def expects(self, ready: int) -> bool:
        """Whether this is the first that is said of money with this day."""
        first = ready not in self._maturing
        self._maturing.add(ready)
        return first

    def release(self, due: int) -> int:
        """Pending money whose day has come becomes available. How many transactions that were."""
        self._maturing.discard(due)
        released = self.transactions.where("_matures", due)
        for transaction in released:
            del transaction["_matures"]
            transaction.update(status="available", _batch=self.open_batch(transaction["currency"]))
            self.transactions.reindex(transaction)
            self.pending[transaction["currency"]] -= transaction["net"]
            self.available[transaction["currency"]] += transaction["net"]
        return len(released)

    def open_batch(self, currency: str) -> str:
        return f"{currency}:{self.batches[currency]}"

    def close_batch(self, currency: str) -> str:
        """The batch that an automatic payout has taken. What becomes available from now on is in the next."""
        closed = self.open_batch(currency)
        self.batches[currency] += 1
        return closed

    @property
    def currencies(self) -> list[str]:
        return sorted(self.available.keys() | self.pending.keys())

    def dump(self) -> Json:
        return {
            "available": self.available,
            "pending": self.pending,
            "batches": self.batches,
            "maturing": sorted(self._maturing),
        }

    def recall(self, data: Json) -> None:
        self.available, self.pending, self.batches = (
            defaultdict(int, data[name]) for name in ("available", "pending", "batches")
        )
        self._maturing = set(data["maturing"])


def available_on(time: int) -> int:
    """Midnight UTC, two days on."""
    return (time // DAY + DAYS_PENDING) * DAY
