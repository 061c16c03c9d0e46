"""Daemons and workers that are killed and come back, and a Stripe that posts until they have heard."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from sqlmodel import select

from azpay import inbox, payments
from azpay.inbox import EventState, InboxEvent
from azpay.payments import Query, Refund, checks
from azpay.sandbox import DEFAULT_KEY
from tests.e2e.shop import AZPAY, environment
from tests.support import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azpay.db import Database
    from azpay.payments.plain import PlainPayment

SECRET = "whsec_azpay_sandbox"
AGAIN = ",".join([*["1"] * 20, *["10"] * 30])
"""A webhook that was not answered comes again after a second, and for five minutes if need be."""

REFUNDED = 300
STARTS_WITHIN = 60.0


def eventually(is_so: Callable[[], bool], seconds: float, *, every: float = 0.05) -> bool:
    end = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < end:
        time.sleep(every)
    return so


@dataclass
class Mortal:
    """One of azpay's programs. Killed without a warning, it is started again with the same words."""

    words: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    port: int | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with (self.folder / "said.log").open("ab") as said:
            self.process = subprocess.Popen(
                [*AZPAY, *self.words], env=self.env, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=said
            )

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def started(self) -> Mortal:
        self.start()
        assert self.port is None or eventually(self.answers, STARTS_WITHIN), self.said()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        return (self.folder / "said.log").read_text()


def a_daemon(env: dict[str, str], folder: Path, port: int, *words: str) -> Mortal:
    return Mortal(("serve", "--port", str(port), *words), env, folder, port)


def a_worker(env: dict[str, str], folder: Path) -> Mortal:
    return Mortal(("worker",), env, folder)


@contextmanager
def living(*mortals: Mortal) -> Iterator[None]:
    with ExitStack() as stack:
        for each in mortals:
            each.start()
            stack.callback(each.kill)
        for each in mortals:
            assert each.port is None or eventually(each.answers, STARTS_WITHIN), each.said()
        yield


@dataclass(frozen=True)
class Stripe:
    """A sandbox in a process of its own, asked over its socket."""

    address: str
    client: httpx.Client

    def pay(self, amount: int) -> None:
        """A payment that azpay has not made, and some of it back."""
        made = self._post(
            "payment_intents",
            {
                "amount": str(amount), "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa",
                "automatic_payment_methods[enabled]": "true",
                "automatic_payment_methods[allow_redirects]": "never",
            },
        )  # fmt: skip
        self._post("refunds", {"payment_intent": made["id"], "amount": str(REFUNDED)})

    def upset(self, kind: str, **told: object) -> None:
        self.client.post("/_sandbox/events", json={"upset": kind, "types": ["*"], **told}).raise_for_status()

    def calm(self) -> None:
        """Nothing befalls events from now on, and one more lets those go that wait to be overtaken."""
        self.client.delete("/_sandbox/events").raise_for_status()
        self.pay(1000)

    def everything(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.client.get(f"/v1/{kind}", params={"limit": "100", **after}).json()
            found += page["data"]
            if not page["has_more"]:
                return found

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        answer = self.client.post(f"/v1/{path}", data=form).raise_for_status()
        made: dict[str, Any] = answer.json()
        return made


@contextmanager
def a_stripe(folder: Path, *ports: int) -> Iterator[Stripe]:
    """It posts every event to a daemon on each of these ports."""
    hooks = [f"--webhook=http://127.0.0.1:{port}/api/webhooks/stripe" for port in ports]
    command = [*AZPAY, "sandbox", "--port", "0", "--json", "--retry", AGAIN, *hooks]
    with subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as sandbox:
        assert sandbox.stdout is not None
        try:
            address = json.loads(sandbox.stdout.readline())["data"]["api_base"]
            headers = {"Authorization": f"Bearer {DEFAULT_KEY}"}
            with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
                yield Stripe(address, client)
        finally:
            sandbox.kill()


def told_by(stripe: Stripe, db: Database, folder: Path) -> dict[str, str]:
    """For azpay's programs: nothing but webhooks brings events."""
    return programs.environment(db, folder) | {
        "AZPAY_STRIPE_API_BASE": stripe.address,
        "AZPAY_SWEEP_MINUTES": "0",
        "AZPAY_LOG_LEVEL": "error",
    }


def states(db: Database) -> dict[str, EventState]:
    with db.reading() as session:
        found = session.exec(select(InboxEvent.event, InboxEvent.state))
        return {event: EventState(state) for event, state in found}


def await_all(db: Database, stripe: Stripe, seconds: float) -> None:
    """Until each of Stripe's events, some of which are made later, is a row that is done, and no other."""

    def differences() -> set[str]:
        return states(db).keys() ^ {str(event["id"]) for event in stripe.everything("events")}

    heard = eventually(lambda: not inbox.backlog(db).waiting and not differences(), seconds, every=0.5)
    assert heard, (inbox.backlog(db), differences())
    assert set(states(db).values()) == {EventState.DONE}


def require_exact(db: Database, stripe: Stripe) -> None:
    """What Stripe did is in the book once."""
    intents = {each["id"]: each["amount_received"] for each in stripe.everything("payment_intents")}
    paid = everything_in(db)
    with db.reading() as session:
        back = sorted((str(refund.refund), refund.amount) for refund in session.exec(select(Refund)))
    assert len(paid) == len(intents)
    assert {str(each.payment_intent): each.amount_captured for each in paid} == intents
    assert {each.amount_refunded for each in paid} == {REFUNDED}
    assert back == sorted((each["id"], REFUNDED) for each in stripe.everything("refunds"))
    assert [check for check in checks.sums(db) if check.problems] == []


def everything_in(db: Database) -> list[PlainPayment]:
    found: list[PlainPayment] = []
    cursor: str | None = None
    while True:
        page = payments.history(db, Query(limit=1000, cursor=cursor))
        found += page.payments
        if (cursor := page.next) is None:
            return found
