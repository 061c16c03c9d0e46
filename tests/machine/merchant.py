"""Somebody at a terminal, a book, and an account at Stripe: what a history is made of."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import stripe as sdk
from sqlmodel import col, select
from typer.testing import CliRunner

from azpay import operations, worker
from azpay.bootstrap import HANDLERS, Azpay, guards_of
from azpay.cli.app import app
from azpay.gateway.stripe import Gateway
from azpay.payments import Payment, Refund
from azpay.sandbox import Sandbox
from tests.machine.mortality import Killed, MortalHTTPClient, Mortality
from tests.support.clock import Clock
from tests.support.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azpay.db import Database
    from azpay.operations import Operation
    from azpay.settings import Settings
    from tests.machine.mortality import End

KEY = "sk_test_azpay_sandbox"
CLERK = "cli:ann"
DIED = None


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


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls one command: faults of Stripe's, each so many times, and perhaps its end."""

    faults: Sequence[tuple[str, int]] = ()
    end: End | None = None


NONE = Trouble()


class Merchant:
    """`begin` starts a history with an empty book and a new account; the clock goes on by itself a little."""

    def __init__(self, settings: Settings, db: Database, folder: Path, empty: Callable[[], None]) -> None:
        self._settings, self._empty = settings, empty
        self.db, self.folder = db, folder
        self.mortality = Mortality()

    def begin(self) -> None:
        self.db.close()
        self._empty()
        self.clock = Clock()
        self.stripe = Sandbox(now=self.clock.now, seed=7)
        self._start()
        self.webhooks = Webhooks(self.azpay, self.stripe, self.clock)

    def _start(self) -> None:
        """A new process: nothing is in memory, and nobody holds a connection."""
        self.db.close()
        self.mortality.dead = False
        client = sdk.StripeClient(
            KEY, http_client=MortalHTTPClient(self.stripe, self.mortality), max_network_retries=0
        )
        self.azpay = Azpay(
            self._settings,
            self.db.by(CLERK),
            Gateway(client, pause=lambda _seconds: None),
            HANDLERS,
            self.clock.now,
            guards_of(self._settings),
            chance=Random(7),  # noqa: S311 - to repeat a history
        )

    def types(self, *words: str, trouble: Trouble = NONE) -> Said:
        """One command, in whatever trouble."""
        return self._lives(lambda: self._invoke(words), trouble, words)

    def _invoke(self, words: Sequence[str]) -> Said:
        result = CliRunner().invoke(app, [*words, "--json"], obj=self.azpay, prog_name="azpay")
        document = json.loads(result.stdout) if result.stdout else {}
        return Said(result.exit_code, document, words, result.stderr)

    def works(self, trouble: Trouble = NONE) -> Said:
        """The worker takes up what is due: events, and operations that were left open."""
        return self._lives(self._work, trouble, ("the worker",))

    def receives(self, events: Sequence[dict[str, Any]], trouble: Trouble = NONE) -> Said:
        """The daemon keeps what Stripe posts, and the worker applies it."""

        def receive() -> Said:
            try:
                self.webhooks.keep(events)
            except KeyboardInterrupt:
                return Said(130)
            return self._work()

        return self._lives(receive, trouble, ("events arrive",))

    def _work(self) -> Said:
        at_work, reins = self.azpay.by("worker"), worker.Reins()
        try:
            worker.drain(at_work, reins)
            worker.resolve_due(at_work, reins)
        except KeyboardInterrupt:
            return Said(130)
        return Said(0)

    def _lives(self, work: Callable[[], Said], trouble: Trouble, words: Sequence[str]) -> Said:
        self.clock.advance(seconds=1)
        for name, times in trouble.faults:
            self.stripe.spoil_next(name, times=times)
        with self.mortality.until(trouble.end):
            said = self._outcome(work)
        if not self.mortality.dead:
            return replace(said, words=words)
        self._start()
        return Said(DIED, words=words)

    def _outcome(self, work: Callable[[], Said]) -> Said:
        try:
            return work()
        except Killed:
            return Said(DIED)

    def payments(self) -> list[Payment]:
        with self.db.reading() as session:
            return list(session.exec(select(Payment).order_by(col(Payment.created_at), col(Payment.id))))

    def refunds(self) -> list[Refund]:
        with self.db.reading() as session:
            return list(session.exec(select(Refund).order_by(col(Refund.created_at), col(Refund.id))))

    def open_operations(self) -> list[Operation]:
        with self.db.reading() as session:
            return operations.open_now(session)


def emptied_file(file: Path, empty_book: Path) -> None:
    """The empty book again, in the place of the one that was lived in."""
    for beside in ("-wal", "-shm"):
        Path(f"{file}{beside}").unlink(missing_ok=True)
    shutil.copyfile(empty_book, file)
