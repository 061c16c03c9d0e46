"""How long a receipt takes to draw, on one core: `python benchmarks/receipts.py [COUNT]`."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

STARTED = perf_counter()

from azpay import receipts  # noqa: E402 - the first receipt pays for the imports, and that is measured
from azpay.credentials import RootKey  # noqa: E402
from azpay.db import Database, Ring, migrations  # noqa: E402
from azpay.payments import Origin, Payment, PaymentStatus  # noqa: E402
from azpay.receipts import Merchant, Receipt  # noqa: E402
from azpay.receipts.documents import document  # noqa: E402

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHOP = Merchant("Example Books Ltd", "1 Example Street\nLondon", "GB123456789", "help@example.com")
MOST = 10_000


def a_payment(number: int) -> Payment:
    return Payment(
        id=f"pay_{number}",
        payment_intent=f"pi_3SVq8zLkdIwHu7ix{number:08}",
        charge=f"ch_3SVq8zLkdIwHu7ix{number:08}",
        status=PaymentStatus.SUCCEEDED,
        currency="eur",
        amount=1000 + number,
        amount_captured=1000 + number,
        card_brand="visa",
        card_last4="4242",
        reference=f"order-{number}",
        description="Two hardcovers and a gift card",
        origin=Origin.AZPAY,
        as_of=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


def a_book(folder: str, count: int) -> Database:
    db = Database.open(f"sqlite:///{Path(folder) / 'book.db'}", Ring.of(RootKey.make()))
    migrations.upgrade(db)
    with db.writing() as session:
        session.add_all(a_payment(number) for number in range(count))
    return db


def issue_all(db: Database, count: int) -> list[Receipt]:
    with db.writing() as session:
        payments = [session.get_one(Payment, f"pay_{number}") for number in range(count)]
        return [receipts.write_out(session, payment, now=NOON) for payment in payments]


def main(count: int) -> None:
    imported = perf_counter() - STARTED
    with tempfile.TemporaryDirectory() as folder:
        db = a_book(folder, count)
        began = perf_counter()
        issued = issue_all(db, count)
        numbered = perf_counter() - began
        began = perf_counter()
        size = len(document(db, issued[0], SHOP, UTC))
        first = perf_counter() - began
        began = perf_counter()
        for receipt in issued:
            document(db, receipt, SHOP, UTC)
        drawn = perf_counter() - began
        db.close()
    print("| what | value |\n|---|--:|")
    print(f"| import | {imported * 1000:.0f} ms |")
    print(f"| first receipt, which loads the typefaces | {first * 1000:.0f} ms |")
    print(f"| a receipt after that, read and drawn | {drawn * 1000 / count:.1f} ms |")
    print(f"| {count:,} receipts, read and drawn | {drawn:.1f} s |")
    print(f"| {count:,} numbers, in one transaction | {numbered:.1f} s |")
    print(f"| size | {size / 1024:.1f} KiB |")


if __name__ == "__main__":
    main(min(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, MOST))
