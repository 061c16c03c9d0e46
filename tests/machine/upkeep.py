"""Saved methods, and what people and cron do so that the book is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine.counter import EMAILS, PLACES
from tests.machine.till import Till
from tests.machine.trouble import NONE, TROUBLE

if TYPE_CHECKING:
    from tests.machine.trouble import Trouble

VERBS = st.sampled_from(["add", "add", "default", "remove"])


class Upkeep(Till):
    @rule(email=st.sampled_from(EMAILS), verb=VERBS, place=PLACES, trouble=TROUBLE)
    def keep_methods(self, email: str, verb: str, place: int, trouble: Trouble) -> None:
        words = ["add", "pm_card_visa", "--customer", email, "--default"]
        saved = self.saved()
        if verb != "add" and saved:
            words = [verb, saved[place % len(saved)], *["--yes"] * (verb == "remove")]
        self.note(self.merchant.types("methods", *words, trouble=trouble))

    @rule(email=st.sampled_from(EMAILS), adding=TROUBLE, charging=TROUBLE)
    def save_and_charge(self, email: str, adding: Trouble, charging: Trouble) -> None:
        words = ("add", "pm_card_visa", "--customer", email, "--default")
        self.note(self.merchant.types("methods", *words, trouble=adding))
        self.order(("--customer", email), charging, outright=False)

    @rule(care=st.sampled_from(["resolve", "sweep", "reconcile", "work"]), trouble=TROUBLE)
    def look_after(self, care: str, trouble: Trouble) -> None:
        if care == "resolve":
            self.note(self.merchant.types("ops", "resolve", "--all", trouble=trouble))
        elif care == "sweep":
            self.note(self.merchant.types("events", "sweep", trouble=trouble))
        elif care == "reconcile":
            self.reconcile(trouble)
        self.note(self.merchant.works(trouble if care == "work" else NONE))

    def reconcile(self, trouble: Trouble) -> None:
        plan = self.merchant.folder / "plan.json"
        plan.unlink(missing_ok=True)
        self.note(self.merchant.types("reconcile", "--plan", str(plan), trouble=trouble))
        if plan.exists():
            self.note(self.merchant.types("reconcile", "apply", str(plan), trouble=trouble))
