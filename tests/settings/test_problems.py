from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.errors import NotAllowed
from azpay.settings import SettingsInvalid, keyed

if TYPE_CHECKING:
    from tests.settings.conftest import Place

LIVE_KEY = "rk_live_CANARYcanaryCANARY"
TEST_KEY = "rk_test_CANARYcanaryCANARY"


def test_every_problem_is_reported_at_once(place: Place) -> None:
    place.config("port = 1\n[profiles.default]\nprot = 1\nwhen = 2026-01-01\n")
    place.env_file("AZPAY_LOG_LEVEL=loud\nno equals sign here !\n")

    problems = place.problems({"port": "high"}, AZPAY_HSOT="x", AZPAY_TIMEZONE="Europe/Pari")

    assert problems == (
        f"{place.config_file}: 'port' is neither default_profile nor [profiles.NAME].",
        ".env line 2: not a line of the form NAME=value.",
        "'AZPAY_HSOT', from environment AZPAY_HSOT, is not a setting. Did you mean AZPAY_HOST?",
        f"'prot', from profile default in {place.config_file}, is not a setting. Did you mean port?",
        f"'when', from profile default in {place.config_file}: use a string, a number, true or false.",
        "port, from flag --port, is 'high'; a port is a number from 0 (any free one) to 65535.",
        "log_level, from .env line 1, is 'loud'; it must be one of debug, info, warning, error.",
        "timezone, from environment AZPAY_TIMEZONE, is 'Europe/Pari'; "
        "use an IANA name, such as Europe/Paris or UTC.",
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("AZPAY_PORT", "65536", "a port is a number"),
        ("AZPAY_PORT", "\uff18\uff10", "a port is a number"),
        ("AZPAY_PORT", "tcp://10.0.0.1:80", "enableServiceLinks: false"),
        ("AZPAY_SERVICE_HOST", "10.0.0.1", "enableServiceLinks: false"),
        ("AZPAY_PORT_8000_TCP_ADDR", "10.0.0.1", "enableServiceLinks: false"),
        ("AZPAY_PORT", "", "is empty"),
        ("AZPAY_WEBHOOK_SECRETS", " ", "is empty"),
        ("AZPAY_WEBHOOK_SECRETS", "whsec_a,", "none empty"),
        ("AZPAY_WEBHOOK_SECRETS", "sk_test_x", "begin with whsec_"),
        ("AZPAY_STRIPE_API_KEY", "pk_test_x", "publishable key (pk_), which cannot move money"),
        ("AZPAY_STRIPE_API_KEY", "whsec_x", "is not a Stripe key"),
        ("AZPAY_STRIPE_API_KEY", "sk_test_x\n", "is not a Stripe key"),
        ("AZPAY_STRIPE_ACCOUNT", "acct-1", "begins with acct_"),
        ("AZPAY_STRIPE_API_BASE", "http://stripe.example.com", "without TLS only this machine"),
        ("AZPAY_STRIPE_API_BASE", "http://127.0.0.1.evil.example", "without TLS only this machine"),
        ("AZPAY_STRIPE_API_BASE", "https://api.stripe.com/v1", "only scheme, host and port"),
        ("AZPAY_STRIPE_API_BASE", "https://user@api.stripe.com", "only scheme, host and port"),
        ("AZPAY_STRIPE_API_BASE", "ftp://api.stripe.com", "use a URL such as"),
        ("AZPAY_STRIPE_API_BASE", "https://[::1", "which is not a URL"),
        ("AZPAY_STRIPE_API_BASE", "https://a:port", "which is not a URL"),
        ("AZPAY_DATABASE_URL", "mysql://CANARY@db", "must begin with one of sqlite:///"),
        ("AZPAY_DATA_DIR", "data", "must be an absolute path"),
        ("AZPAY_DATA_DIR", "~no-such-user-here/x", "no home folder"),
        ("AZPAY_TIMEZONE", "../../etc/passwd", "use an IANA name"),
        ("AZPAY_TIMEZONE", "America", "use an IANA name"),
        ("AZPAY_HOST", "a b", "host name or an address"),
        ("AZPAY_DEBUG", "yes", "must be one of 1, 0, true, false"),
        ("AZPAY_LOG_FORMAT", "xml", "must be one of auto, console, json"),
        ("AZPAY_MERCHANT_NAME", "a\x1b[31m", "printable text"),
        ("AZPAY_MERCHANT_NAME", "x" * 501, "at most 500 characters"),
        ("AZPAY_PROFILE", "../x", "named in lower-case letters"),
        ("AZPAY_LIVE", "true", "for a profile of the configuration file alone"),
        ("AZPAY_port", "1", "is not a setting. Did you mean AZPAY_PORT?"),
        ("AZPAY_\x1b]0;x", "1", "is not a setting"),
        ("AZPAY_STRIPE_API_KEY_FILE", "/no/such/file", "cannot be read: No such file"),
        ("AZPAY_PORT_FILE", "/etc/passwd", "is not a setting"),
    ],
)
def test_a_bad_value_is_one_problem_that_says_what_to_do(
    place: Place, name: str, value: str, problem: str
) -> None:
    (found,) = place.problems(**{name: value})

    assert problem in found
    assert found.isprintable()
    assert "CANARY" not in found


@pytest.mark.parametrize("secret", [LIVE_KEY, "whsec_CANARYcanaryCANARY", "postgresql://u:CANARY@h/d"])
def test_a_secret_in_the_wrong_setting_is_not_repeated(place: Place, secret: str) -> None:
    for name in ("AZPAY_STRIPE_ACCOUNT", "AZPAY_HOST", "AZPAY_PORT", "AZPAY_PROFILE"):
        problems = place.problems(**{name: f"{secret} canary"})

        assert "CANARYcanary" not in str(problems)
        assert ":CANARY@" not in str(problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("default_profile = 5", "default_profile must be a name in quotes"),
        ("profiles = 5", "[profiles.NAME]"),
        ("[profiles]\nport = 5", "[profiles.NAME]"),
        ("port 5", "not TOML"),
        ('default_profile = "gone"', "write [profiles.gone] there, or use one of default, sandbox."),
        ('default_profile = "UP"', "named in lower-case letters"),
        ("[profiles.default]\nport = 1.5", "use a string, a number, true or false"),
        ('[profiles.default]\nprofile = "x"', "is not a setting"),
        ('[profiles.default]\nlive = "yes"', "must be one of true, false"),
    ],
)
def test_a_broken_configuration_file_is_named(place: Place, text: str, problem: str) -> None:
    place.config(text)

    (found,) = place.problems()

    assert problem in found
    assert str(place.config_file) in found


def test_a_file_that_is_not_text_is_named(place: Place) -> None:
    (place.cwd / ".env").write_bytes(b"AZPAY_PORT=\xff")

    assert place.problems() == (f"{place.cwd / '.env'}: cannot be read: it is not UTF-8.",)


def test_a_name_without_a_value_or_given_twice_is_a_problem(place: Place) -> None:
    place.env_file("AZPAY_PORT\nAZPAY_HOST=a\nAZPAY_HOST=b\n")

    assert place.problems() == (
        "'AZPAY_PORT', from .env line 1, is empty: give it a value, or remove it.",
        "'AZPAY_HOST', from .env line 3, is given already by .env line 2; keep one.",
    )


def test_a_misspelt_profile_is_refused_rather_than_begun(place: Place) -> None:
    place.config("[profiles.shop]\nlive = true\n")

    (problem,) = place.problems(AZPAY_PROFILE="shp")

    assert "write [profiles.shp] there, or use one of default, sandbox, shop." in problem


def test_a_live_key_works_only_under_a_profile_marked_live(place: Place) -> None:
    place.config("[profiles.shop]\nlive = true\n")

    (problem,) = place.problems(AZPAY_STRIPE_API_KEY=LIVE_KEY)
    settings = place.load({"profile": "shop"}, AZPAY_STRIPE_API_KEY=LIVE_KEY)

    assert "is a live key, and profile default is not marked live" in problem
    assert "live = true" in problem
    assert "CANARY" not in problem
    assert settings.live


@pytest.mark.parametrize(
    ("profile", "env", "problem"),
    [
        (
            "live = true",
            {"AZPAY_STRIPE_API_KEY": TEST_KEY},
            "is a test key, and profile default",
        ),
        ("live = true", {"AZPAY_STRIPE_API_BASE": "http://localhost:1"}, "has no TLS"),
        ("", {"AZPAY_STRIPE_API_KEY": "sk_test_azpay_sandbox"}, "the sandbox's key, which everyone knows"),
        ("", {"AZPAY_WEBHOOK_SECRETS": "whsec_azpay_sandbox,whsec_b"}, "anyone could forge events"),
    ],
)
def test_settings_that_endanger_each_other_are_refused(
    place: Place, profile: str, env: dict[str, str], problem: str
) -> None:
    place.config(f"[profiles.default]\n{profile}\n")

    (found,) = place.problems(**env)

    assert problem in found
    assert "CANARY" not in found


def test_the_sandbox_is_never_live(place: Place) -> None:
    place.config("[profiles.sandbox]\nlive = true\n")

    problems = place.problems(AZPAY_PROFILE="sandbox")

    assert any("is true for the sandbox" in problem for problem in problems)


def test_a_key_from_the_keyring_is_held_to_the_same_rules(place: Place) -> None:
    settings = place.load()

    assert settings.stripe_api_key is None
    with pytest.raises(SettingsInvalid, match="stripe_api_key, from the keyring, is a live key"):
        keyed(settings, LIVE_KEY, origin="the keyring")
    with pytest.raises(SettingsInvalid, match="publishable key"):
        keyed(settings, "pk_test_x", origin="the keyring")


def test_a_key_from_the_keyring_joins_the_settings_with_its_origin(place: Place) -> None:
    settings = keyed(place.load(), TEST_KEY, origin="the keyring")

    assert settings.stripe_api_key is not None
    assert settings.stripe_api_key.reveal() == TEST_KEY
    assert settings.origins["stripe_api_key"] == "the keyring"


def test_wrong_settings_are_not_allowed_and_say_how_to_look(place: Place) -> None:
    with pytest.raises(NotAllowed) as refused:
        place.load(AZPAY_PORT="x", AZPAY_HOST=" ")

    assert refused.value.code == "settings_invalid"
    assert len(refused.value.message.splitlines()) == 2
    assert refused.value.hint == "Each line says where the value stands; mend it there."
