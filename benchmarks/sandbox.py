"""How much the sandbox carries: how fast a past is written, what a page costs then, and in how much memory.

    python benchmarks/sandbox.py [--payments 1000000] [--months 6] [--state FILE] [--localstripe URL]

Times are of the processor, because other work on a shared machine would be measured otherwise; for pages they
are the median of many. Pages are asked of the engine in process: everything but the network.

`--localstripe` asks a localstripe that listens there (`pip install localstripe`). It has no past to be given:
`--localstripe-payments` are made one by one.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import Request as HTTPRequest
from urllib.request import urlopen

from azpay.sandbox import DEFAULT_KEY, Request, Sandbox
from azpay.sandbox.past.orders import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATED = 31
SLICE = 20_000
WEEK = 7 * 86_400
PAYMENT = {"amount": "2000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


def now() -> datetime:
    return datetime.now(UTC)


def ask(sandbox: Sandbox, path: str, **query: object) -> bytes:
    headers = {"authorization": f"Bearer {DEFAULT_KEY}"}
    answer = sandbox.handle(Request("GET", path, urlencode(query), headers, b""))
    assert answer.status == 200, answer.body
    return answer.body


def page(sandbox: Sandbox, path: str, **query: object) -> list[dict[str, str]]:
    return list(json.loads(ask(sandbox, path, **query))["data"])


def told(what: str, figure: str) -> None:
    print(f"{what:44}{figure:>16}", flush=True)


def milliseconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> str:
    taken = []
    for _ in range(REPEATED):
        begun = clock()
        work()
        taken.append(clock() - begun)
    return f"{median(taken) * 1000:.2f} ms"


def memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"


def write_past(sandbox: Sandbox, order: Order) -> None:
    begun, spent, done = time.perf_counter(), time.process_time(), False
    while not done:
        progress = sandbox.seed(order, steps=SLICE)
        done = progress.done
        print(f"\r{progress.made:,}", end="", file=sys.stderr, flush=True)
    spent, taken = time.process_time() - spent, time.perf_counter() - begun
    print("\r", end="", file=sys.stderr)
    told("payments written", f"{order.payments:,}")
    told("  a second of the processor", f"{order.payments / spent:,.0f}")
    told("  a second of the wall", f"{order.payments / taken:,.0f}")
    told("memory", memory())


def read_pages(sandbox: Sandbox) -> None:
    newest = page(sandbox, "/v1/charges", limit=100)
    middle = int(sandbox.time.timestamp()) - 90 * 86_400
    deep = page(sandbox, "/v1/charges", limit=100, **{"created[lt]": middle})
    customer = next(each["customer"] for each in newest if each["customer"])
    payout = page(sandbox, "/v1/payouts", limit=1, **{"created[lt]": middle})
    pages: dict[str, tuple[str, dict[str, object]]] = {
        "100 charges, the newest": ("/v1/charges", {}),
        "100 charges, behind a deep cursor": ("/v1/charges", {"starting_after": deep[-1]["id"]}),
        "100 charges, before a deep cursor": ("/v1/charges", {"ending_before": deep[0]["id"]}),
        "100 charges of one week": ("/v1/charges", {"created[lt]": middle, "created[gte]": middle - WEEK}),
        "charges of one customer": ("/v1/charges", {"customer": customer}),
        "100 payment intents": ("/v1/payment_intents", {}),
        "100 events": ("/v1/events", {}),
        "100 events of one type": ("/v1/events", {"type": "charge.refunded"}),
        "100 balance transactions of a payout": ("/v1/balance_transactions", {"payout": payout[0]["id"]}),
        "100 refunds in yen": ("/v1/balance_transactions", {"type": "refund", "currency": "jpy"}),
    }
    for name, (path, query) in pages.items():
        asked = {"limit": 100, **query}
        told(name, milliseconds(lambda path=path, asked=asked: ask(sandbox, path, **asked)))  # type: ignore[misc]
    starts = successive(sandbox, deep[-1]["id"])
    each = milliseconds(lambda: ask(sandbox, "/v1/charges", limit=100, starting_after=next(starts)))
    told("100 charges, page after page", each)
    told("one charge by its id", milliseconds(lambda: ask(sandbox, f"/v1/charges/{deep[0]['id']}")))
    told("the summary", milliseconds(sandbox.summary))


def successive(sandbox: Sandbox, after: str) -> Iterator[str]:
    """Where the next pages begin, as who reads all of it asks for them."""
    starts = [after]
    for _ in range(REPEATED):
        starts.append(page(sandbox, "/v1/charges", limit=100, starting_after=starts[-1])[-1]["id"])
    return iter(starts)


def compare(url: str, payments: int) -> None:
    """The same of localstripe, over the network of this machine."""
    headers = {
        "Authorization": "Bearer sk_test_1234567890",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    def call(path: str, body: dict[str, str] | None = None) -> object:
        data = None if body is None else urlencode(body).encode()
        asked = HTTPRequest(url + path, data, headers)  # noqa: S310 - an address of this machine
        with urlopen(asked, timeout=60) as answer:  # noqa: S310 - the same
            return json.load(answer)

    begun = time.perf_counter()
    for _ in range(payments):
        card = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12",
                "card[exp_year]": "2030", "card[cvc]": "123"}  # fmt: skip
        method = call("/v1/payment_methods", card)
        assert isinstance(method, dict)
        call("/v1/payment_intents", {**PAYMENT, "payment_method": method["id"]})
    told("localstripe: payments made a second", f"{payments / (time.perf_counter() - begun):,.0f}")
    page = milliseconds(lambda: call("/v1/payment_intents?limit=100"), time.perf_counter)
    told("localstripe: 100 payment intents", page)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the sandbox carries.")
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--localstripe")
    parser.add_argument("--localstripe-payments", type=int, default=2000)
    chosen = parser.parse_args()
    sandbox = Sandbox(now=now) if chosen.state is None else Sandbox.open(chosen.state, now=now)
    write_past(sandbox, Order(payments=chosen.payments, months=chosen.months))
    read_pages(sandbox)
    sandbox.close()
    if chosen.localstripe:
        compare(chosen.localstripe.rstrip("/"), chosen.localstripe_payments)


if __name__ == "__main__":
    main()
