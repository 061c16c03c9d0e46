"""`azpay seed`: the same payments every time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from azpay import payments
from azpay.cli.seed import planned
from azpay.db import migrations
from azpay.payments import Query
from tests.sandbox.serving import served
from tests.support.books import a_book

from .running import answer, error, run, settle_in

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox

SEED = ["seed", "--payments", "30", "--seed", "5"]


def made(azpay: Azpay) -> list[tuple[str | None, int, str, str, int]]:
    page = payments.history(azpay.db, Query(limit=1000))
    return sorted(
        (each.reference, each.amount, each.currency, each.status, each.amount_refunded)
        for each in page.payments
    )


def test_the_plan_is_the_same_every_time_and_a_longer_one_begins_with_a_shorter() -> None:
    assert list(planned(50, 3)) == list(planned(80, 3))[:50]
    assert list(planned(50, 3)) != list(planned(50, 4))


def test_seeding_makes_payments_declines_and_refunds(azpay: Azpay, stripe: Sandbox) -> None:
    result = run(azpay, *SEED)

    counted = {line[:17].strip(): int(line[17:]) for line in result.stdout.splitlines()[1:]}
    statuses = Counter(status for _, _, _, status, _ in made(azpay))
    refunded = [amount for _, _, _, _, amount in made(azpay) if amount]
    assert result.exit_code == 0
    assert sum(counted.values()) == len(made(azpay)) == len(stripe.payment_intents) == 30
    assert counted["declined"] == statuses["failed"] > 0
    assert counted["refunded"] + counted["refunded in part"] == len(refunded) == len(stripe.refunds) > 0


def test_seeding_twice_makes_each_payment_once_and_says_the_same(azpay: Azpay, stripe: Sandbox) -> None:
    first = answer(azpay, *SEED, schema="azpay.seed/1")
    before = made(azpay)

    second = answer(azpay, *SEED, schema="azpay.seed/1")

    assert second == first
    assert made(azpay) == before
    assert len(stripe.payment_intents) == 30


def test_seeding_goes_on_where_it_was_interrupted(azpay: Azpay, stripe: Sandbox) -> None:
    run(azpay, "seed", "--payments", "20", "--seed", "5")
    stripe.drop_next_answer(times=4)
    interrupted = run(azpay, *SEED)

    finished = run(azpay, *SEED)

    assert interrupted.exit_code == 8
    assert finished.exit_code == 0
    assert len(stripe.payment_intents) == len(made(azpay)) == 30


def test_what_another_book_has_seeded_is_not_made_again(
    azpay: Azpay, stripe: Sandbox, tmp_path: Path
) -> None:
    run(azpay, *SEED)
    other = a_book(f"sqlite:///{tmp_path}/other.db")
    migrations.upgrade(other)

    result = run(replace(azpay, db=other), *SEED, "--json")

    other.close()
    assert result.exit_code == 7
    assert error(result)["code"] == "seeded_before"
    assert "--seed 6" in result.stderr
    assert len(stripe.payment_intents) == 30


def test_live_mode_is_never_seeded(azpay: Azpay, stripe: Sandbox) -> None:
    live = replace(azpay, settings=replace(azpay.settings, live=True))

    result = run(live, *SEED)

    assert result.exit_code == 6
    assert "Use --profile sandbox." in result.stderr
    assert stripe.payment_intents == []


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "seed", "--help").stdout.splitlines() if line.strip()]

    assert lines[2] == "Examples"
    assert lines[3].startswith("azpay sandbox &")


def test_a_sandbox_is_given_a_past_once_and_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)
    with served() as stripe:
        monkeypatch.setenv("AZPAY_STRIPE_API_BASE", stripe.url)
        words = ["seed", "--payments", "40", "--months", "1", "--seed", "3", "--profile", "sandbox"]

        first, again = run(None, *words, "--json"), run(None, *words, "--json")
        other = run(None, *words[:2], "41", *words[3:], "--json")

        assert first.exit_code == 0
        assert json.loads(first.stdout)["data"]["payments"] == 40
        assert again.stdout == first.stdout
        assert len(stripe.sandbox.payment_intents) == 40
        assert (other.exit_code, error(other)["code"]) == (7, "sandbox_refuses")


def test_only_a_sandbox_is_given_a_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)
    monkeypatch.setenv("AZPAY_STRIPE_API_BASE", "http://127.0.0.1:9")

    result = run(None, "seed", "--months", "1", "--profile", "sandbox")

    assert result.exit_code == 5
    assert "Nothing answers at http://127.0.0.1:9." in result.stderr
