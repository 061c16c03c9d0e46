"""Somebody at a terminal, a book, and an account at Stripe: what a history is made of."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import stripe as sdk
from sqlmodel import col, select
from typer.testing import CliRunner

from azpay import operations, worker
from azpay.access import Approval
from azpay.bootstrap import HANDLERS, Azpay, guards_of
from azpay.cli.app import app
from azpay.cli.failures import exit_status
from azpay.db.database import DatabaseUnavailable
from azpay.gateway.stripe import Gateway
from azpay.payments import Payment, Refund
from azpay.sandbox import Sandbox
from tests.machine.ailing import Ailing
from tests.machine.mortality import Killed, MortalHTTPClient, Mortality
from tests.machine.trouble import NONE
from tests.support.clock import Clock
from tests.support.stripe_transport import InProcessHTTPClient
from tests.support.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.operations import Operation
    from azpay.settings import Settings
    from tests.machine.trouble import Trouble

KEY = "sk_test_azpay_sandbox"
CLERK, CHIEF = "cli:ann", "cli:bob"
DIED = None
Kept = TypeVar("Kept", Payment, Refund, Approval)
LARGE = 700
"""Where two people decide, a refund above this, in cents, waits for the second."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said at its end: its status, None when it was killed, and its document."""

    status: int | None
    document: dict[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()
    stderr: str = ""

    @property
    def schema(self) -> str:
        return str(self.document.get("schema", ""))

    @property
    def data(self) -> Any:
        return self.document.get("data", {})

    @property
    def code(self) -> str | None:
        return self.data["code"] if self.schema == "azpay.error/1" else None


class Merchant:
    """`begin` starts a history with an empty book and a new account; the clock goes on by itself a little."""

    def __init__(self, settings: Settings, db: Database, folder: Path, empty: Callable[[], None]) -> None:
        self._settings, self._empty = settings, empty
        self.db, self.folder = db, folder
        self.mortality, self.ailing = Mortality(), Ailing(db)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While histories are played."""
        with self.mortality.watching(self.db.engine), self.ailing.watching():
            yield

    def begin(self) -> None:
        self.db.close()
        self._empty()
        self.four_eyes = False
        self.clock, self._stripes_clock = Clock(), Clock()
        self.stripe = Sandbox(now=self._stripes_clock.now, seed=7)
        self.dashboard = sdk.StripeClient(KEY, http_client=InProcessHTTPClient(self.stripe))
        self.keys: dict[str, list[datetime]] = {}
        self._looked: dict[type, list[Any]] = {}
        self._start()
        self.webhooks = Webhooks(self.azpay, self.stripe, self.clock)

    def decide_by_two(self, *, four_eyes: bool) -> None:
        """Whether large refunds wait for a second person here."""
        self.four_eyes = four_eyes
        self._start()

    def pass_time(self, pause: timedelta) -> None:
        self.clock.at += pause
        self._stripes_clock.at += pause

    def set_clock(self, apart: timedelta) -> None:
        """Ours shall go wrong by so much. Stripe's does not."""
        self.clock.at = self._stripes_clock.at + apart

    def _start(self) -> None:
        """A new process: nothing is in memory, and nobody holds a connection."""
        self.db.close()
        self.mortality.dead = False
        transport = MortalHTTPClient(self.stripe, self.mortality, self._sent)
        client = sdk.StripeClient(KEY, http_client=transport, max_network_retries=0)
        self.azpay = Azpay(
            self._settings,
            self.db.by(CLERK),
            Gateway(client, pause=lambda _seconds: None),
            HANDLERS,
            self.clock.now,
            self._guards(),
            chance=Random(7),  # noqa: S311 - to repeat a history
        )

    def _guards(self) -> Guards:
        guards = guards_of(self._settings)
        return replace(guards, approval_above=({"usd": LARGE},)) if self.four_eyes else guards

    def _sent(self, key: str) -> None:
        self.keys.setdefault(key, []).append(self._stripes_clock.at)

    def types(self, *words: str, trouble: Trouble = NONE, actor: str = CLERK) -> Said:
        """One command of somebody's, in whatever trouble."""
        return self._lives(lambda: self._invoke(words, self.azpay.by(actor)), trouble, words)

    def _invoke(self, words: Sequence[str], azpay: Azpay) -> Said:
        result = CliRunner().invoke(app, [*words, "--json"], obj=azpay, prog_name="azpay")
        document = json.loads(result.stdout) if result.stdout else {}
        return Said(result.exit_code, document, words, result.stderr)

    def works(self, trouble: Trouble = NONE) -> Said:
        """The worker takes up what is due: events, and operations that were left open."""
        return self._lives(self._work, trouble, ("the worker",))

    def receives(self, events: Sequence[dict[str, Any]], trouble: Trouble = NONE) -> Said:
        """The daemon keeps what Stripe posts, and the worker applies it."""

        def receive() -> Said:
            self.webhooks.keep(events)
            return self._work()

        return self._lives(receive, trouble, ("events arrive",))

    def _work(self) -> Said:
        at_work, reins = self.azpay.by("worker"), worker.Reins()
        worker.drain(at_work, reins)
        worker.resolve_due(at_work, reins)
        return Said(0)

    def _lives(self, work: Callable[[], Said], trouble: Trouble, words: Sequence[str]) -> Said:
        self.pass_time(timedelta(seconds=1))
        for name, times in trouble.faults:
            self.stripe.spoil_next(name, times=times)
        with self.mortality.until(trouble.end), self.ailing.during(trouble.illness):
            said = self._outcome(work)
        self.stripe.disarm()
        self._looked.clear()
        if not self.mortality.dead:
            return replace(said, words=words)
        self._start()
        return Said(DIED, words=words)

    def _outcome(self, work: Callable[[], Said]) -> Said:
        try:
            return work()
        except Killed:
            return Said(DIED)
        except KeyboardInterrupt:
            return Said(130)
        except DatabaseUnavailable as error:  # of the daemon: Stripe posts again, the worker tries again
            return Said(exit_status(error))

    def payments(self) -> list[Payment]:
        return self._all(Payment, col(Payment.created_at), col(Payment.id))

    def refunds(self) -> list[Refund]:
        return self._all(Refund, col(Refund.created_at), col(Refund.id))

    def approvals(self) -> list[Approval]:
        return self._all(Approval, col(Approval.asked_at), col(Approval.id))

    def _all(self, kind: type[Kept], *order: Any) -> list[Kept]:
        """As they were after the last command, which are as they are: nobody else writes."""
        if kind not in self._looked:
            with self.db.reading() as session:
                self._looked[kind] = list(session.exec(select(kind).order_by(*order)))
        return self._looked[kind]

    def disputes_there(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.dashboard.v1.disputes.list({"limit": 100}).data]

    def open_operations(self) -> list[Operation]:
        with self.db.reading() as session:
            return operations.open_now(session)


def emptied_file(file: Path, empty_book: Path) -> None:
    """The empty book again, in the place of the one that was lived in."""
    for beside in ("-wal", "-shm"):
        Path(f"{file}{beside}").unlink(missing_ok=True)
    shutil.copyfile(empty_book, file)
