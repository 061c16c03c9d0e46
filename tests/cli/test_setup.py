"""`azpay login`, `logout`, `whoami` and `config show`, and what is said of settings that cannot be."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from azpay.cli.app import app
from tests.support.cases import further

from .running import answer, error, run, settle_in

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay

NOWHERE = "http://127.0.0.1:9"

the_sdk_posts_as_httpx_would_rather_not = pytest.mark.filterwarnings(
    "ignore:Use 'content=<...>':DeprecationWarning"
)
KEYLESS = [
    ["charge", "5", "usd", "--method", "pm_card_visa"],
    ["capture", "order-1"],
    ["cancel", "order-1"],
    ["refund", "order-1", "--yes"],
    ["methods", "add", "pm_1", "--customer", "cus_1"],
    ["methods", "list", "--customer", "cus_1"],
    ["seed"],
    ["whoami"],
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home without any settings, where the test now stands."""
    settle_in(monkeypatch, tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", KEYLESS, ids=lambda words: " ".join(words[:2]))
def test_without_a_key_one_is_told_how_to_get_one_or_to_do_without(home: Path, words: list[str]) -> None:
    result = run(None, *words)

    assert result.exit_code == 4
    assert "There is no Stripe API key for the profile 'default'." in result.stderr
    assert "Run `azpay login`, or try azpay without Stripe: `azpay sandbox`" in result.stderr


def test_looking_needs_no_stripe_key_and_makes_the_book_with_a_key_of_its_own(home: Path) -> None:
    result = run(None, "history")
    again = run(None, "history")

    assert result.exit_code == 0
    assert result.stdout == "No payments.\n"
    warning, made = result.stderr.splitlines()
    assert warning.startswith("Warning: The book's key ")
    assert f"is kept in {home}/config/azpay/credentials.json" in warning
    assert "AZPAY-" not in result.output
    assert made == f"Made the book at sqlite:///{home}/data/azpay/default.db."
    assert again.stderr == ""


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("pk_test_abc", "is a publishable key (pk_), which cannot move money"),
        ("sk_live_abcdefgh12345678", "is a live key, and profile default is not marked live"),
        ("rk_live_abcdefgh12345678", "is a live key, and profile default is not marked live"),
        ("banana", "is not a Stripe key"),
        (" ", "is empty"),
    ],
)
def test_a_key_that_cannot_be_right_is_refused_and_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("AZPAY_STRIPE_API_KEY", key)

    result = run(None, "charge", "5", "usd", "--method", "pm_card_visa", "--json")

    assert result.exit_code == 4
    assert said in error(result)["message"]
    assert key == " " or key not in result.output


def test_a_test_key_under_a_live_profile_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = home / "config" / "azpay" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.shop]\nlive = true\n")
    monkeypatch.setenv("AZPAY_STRIPE_API_KEY", "sk_test_abcdefgh")

    result = run(None, "whoami", "--profile", "shop")

    assert result.exit_code == 4
    assert "is a test key, and profile shop is marked live" in result.stderr


def test_a_live_profile_shows_a_banner_before_anything_else(home: Path) -> None:
    config = home / "config" / "azpay" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.shop]\nlive = true\n")

    result = run(None, "whoami", "--profile", "shop")

    assert result.stderr.splitlines()[0].strip() == "LIVE MODE: profile shop. Real money moves."


def test_an_unheard_of_profile_is_refused_with_those_there_are(home: Path) -> None:
    result = run(None, "whoami", "--profile", "shop")

    assert result.exit_code == 4
    assert "use one of default, sandbox" in result.stderr


def test_everything_wrong_in_the_settings_is_said_at_once(home: Path) -> None:
    (home / ".env").write_text("AZPAY_PROFILE=sandbox\nnot a line\nAZPAY_STRIPE_APIKEY=x\nAZPAY_PORT=many\n")

    result = run(None, "history")

    assert result.exit_code == 4
    assert ".env line 2: not a line of the form NAME=value." in result.stderr
    assert "Did you mean AZPAY_STRIPE_API_KEY?" in result.stderr
    assert "a port is a number" in result.stderr


@the_sdk_posts_as_httpx_would_rather_not
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["charge", "5", "usd", "--method", "pm_card_visa"], 5),
        further(["whoami"], 5),
        further(["seed", "--payments", "1"], 5),
    ],
)
def test_an_unreachable_stripe_has_a_status_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int
) -> None:
    monkeypatch.setenv("AZPAY_STRIPE_API_BASE", NOWHERE)

    result = run(None, *words, "--profile", "sandbox")

    assert result.exit_code == status
    assert "Stripe could not be reached" in result.stderr
    assert "Nothing was moved." in result.stderr
    assert "see that `azpay sandbox` runs" in result.stderr


@the_sdk_posts_as_httpx_would_rather_not
def test_what_never_reached_stripe_is_on_record_as_failed_and_may_be_tried_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPAY_STRIPE_API_BASE", NOWHERE)
    monkeypatch.setenv("AZPAY_PROFILE", "sandbox")
    words = ["charge", "5", "usd", "--method", "pm_card_visa"]

    first, second = run(None, *words), run(None, *words)

    payments = answer(None, "history", schema="azpay.payments/1")["payments"]
    assert (first.exit_code, second.exit_code) == (5, 5)
    assert [payment["status"] for payment in payments] == ["failed", "failed"]


def test_whoami_says_whose_account_it_is_and_hides_the_key(azpay: Azpay) -> None:
    result = run(azpay, "whoami")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Profile   default",
        "Account   acct_1SandboxAzpay0001",
        "Mode      test",
        "Country   US",
        "Currency  USD",
        "Key       sk_test_…dbox, from environment AZPAY_STRIPE_API_KEY",
        "Stripe    http://127.0.0.1:12111",
        "You       azpay, admin",
    ]


def test_whoami_for_programs(azpay: Azpay) -> None:
    data = answer(azpay, "whoami", schema="azpay.account/1")

    assert (data["account"], data["mode"], data["default_currency"]) == (
        "acct_1SandboxAzpay0001",
        "test",
        "usd",
    )


def login(key: str) -> Result:
    return CliRunner().invoke(app, ["login"], input=key, prog_name="azpay")


@pytest.mark.parametrize(
    ("key", "status", "said"),
    [
        ("", 2, "No key was given."),
        ("\n", 2, "No key was given."),
        ("pk_test_abc\n", 4, "is a publishable key"),
        ("sk_live_abcdefgh12345678\n", 4, "is a live key"),
        ("hunter2hunter2\n", 4, "is not a Stripe key"),
    ],
)
def test_a_key_that_cannot_be_right_is_not_kept(home: Path, key: str, status: int, said: str) -> None:
    result = login(key)

    assert result.exit_code == status
    assert said in result.stderr
    assert not key.strip() or key.strip() not in result.output
    assert not [file for file in home.rglob("*") if file.is_file()]


def test_a_key_that_could_not_be_tried_is_not_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZPAY_STRIPE_API_BASE", NOWHERE)

    result = login("sk_test_abcdefgh12345678\n")

    assert result.exit_code == 5
    assert not [file for file in home.rglob("*") if file.is_file()]


def test_there_may_be_nothing_to_forget(home: Path) -> None:
    result = run(None, "logout")

    assert result.exit_code == 0
    assert result.stdout == "There was no key to forget.\n"
    assert answer(None, "logout", schema="azpay.logout/1") == {"profile": "default", "removed_from": []}


def test_config_shows_what_is_set_and_from_where_without_secrets(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPAY_STRIPE_API_KEY", "sk_test_abcdefgh12345678")
    (home / ".env").write_text("AZPAY_TIMEZONE=Europe/Paris\n")

    result = run(None, "config", "show", "--origin")

    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in result.stdout.splitlines()}
    assert lines["Setting"] == "Value From"
    assert lines["stripe_api_key"] == "sk_test_…5678 environment AZPAY_STRIPE_API_KEY"
    assert lines["timezone"] == "Europe/Paris .env line 1"
    assert "abcdefgh" not in result.output


def test_config_for_programs(home: Path) -> None:
    data = answer(None, "config", "show", "--profile", "sandbox", schema="azpay.config/1")

    assert data["profile"] == {"value": "sandbox", "origin": "flag --profile"}
    assert data["stripe_api_key"]["origin"] == "built into profile sandbox"


def test_a_secret_that_others_can_read_is_warned_about(home: Path) -> None:
    env = home / ".env"
    env.write_text("AZPAY_STRIPE_API_KEY=sk_test_abcdefgh12345678\n")
    env.chmod(0o644)

    result = run(None, "config", "show")

    assert result.stderr == f"Warning: {env} holds a secret and others can read it: chmod 600 {env}\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o644


@pytest.mark.parametrize("command", ["login", "logout", "whoami", "config show"])
def test_help_begins_with_examples(command: str) -> None:
    told = run(None, *command.split(), "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2] == "Examples"
    assert lines[3].startswith(f"azpay {command}")
