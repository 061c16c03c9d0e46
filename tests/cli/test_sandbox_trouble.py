"""`azpay sandbox` with trouble: what it takes, and what it says of what it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from azpay.cli import sandbox_trouble
from azpay.sandbox import Request, Sandbox
from azpay.sandbox.chaos import known_profile

from .running import error, run, settle_in

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)


@pytest.fixture
def engine() -> Sandbox:
    return Sandbox(now=lambda: NOON)


def asked(engine: Sandbox, key: str = "sk_test_azpay_sandbox") -> int:
    return engine.handle(Request("GET", "/v1/charges", "", {"authorization": f"Bearer {key}"})).status


def test_a_file_of_chaos_is_followed(engine: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text('[[strike]]\nfault = "503"\nshare = 1\n')

    sandbox_trouble.follow_chaos(engine, str(file), seed=0)

    assert asked(engine) == 503


def test_without_a_profile_there_is_calm_whatever_was_before(engine: Sandbox) -> None:
    engine.follow(known_profile("storm"))

    sandbox_trouble.follow_chaos(engine, None, seed=0)

    assert {asked(engine) for _ in range(100)} == {200}


def test_limits_and_keys_are_set(engine: Sandbox) -> None:
    sandbox_trouble.limit(engine, "test")
    sandbox_trouble.add_keys(
        engine, ["sk_test_second", "rk_test_ci01:event_read,charge_read", "rk_test_ci02:event_read"]
    )

    assert (
        asked(engine, "sk_test_second"),
        asked(engine, "rk_test_ci01"),
        asked(engine, "rk_test_ci02"),
    ) == (200, 200, 403)
    assert [asked(engine) for _ in range(30)][-1] == 429


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--chaos", "hurricane"), "chaos_wrong", "Known are calm, mild, storm"),
        (("--chaos", "missing.toml"), "chaos_wrong", "missing.toml cannot be read: No such file"),
        (("--chaos", "."), "chaos_wrong", "cannot be read"),
        (("--rate-limits", "tight"), "rate_limits_wrong", "Known are off, test, live"),
        (("--key", "sk_live_12345"), "sandbox_key_wrong", "A secret key begins with sk_test_"),
        (("--key", "rk_test_ci01:everything"), "sandbox_key_wrong", "There is no permission 'everything'"),
        (("--key", "rk_test_ci01"), "sandbox_key_wrong", "comes with its permissions"),
    ],
)
def test_what_cannot_be_is_a_usage_error(words: tuple[str, ...], code: str, said: str) -> None:
    result = run(None, "sandbox", "--port", "0", *words, "--json")

    assert result.exit_code == 2
    assert error(result)["code"] == code
    assert said in error(result)["message"]


def test_payouts_keep_to_a_schedule_that_stripe_has(engine: Sandbox) -> None:
    sandbox_trouble.pay_out(engine, "weekly")
    assert engine.policy.payouts == "weekly"

    with pytest.raises(sandbox_trouble.PayoutsWrong):
        sandbox_trouble.pay_out(engine, "hourly")

    assert engine.policy.payouts == "weekly"
