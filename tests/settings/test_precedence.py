from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.settings import default_config_file, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.settings.conftest import Place


def test_flag_over_environment_over_env_file_over_profile_over_default(place: Place) -> None:
    assert place.load().port == 8000

    place.config("[profiles.default]\nport = 1\n")
    assert place.load().port == 1

    place.env_file("AZPAY_PORT=2\n")
    assert place.load().port == 2
    assert place.load(AZPAY_PORT="3").port == 3
    assert place.load({"port": "4"}, AZPAY_PORT="3").port == 4
    assert place.load({"port": None}, AZPAY_PORT="3").port == 3


def test_every_value_remembers_where_it_came_from(place: Place) -> None:
    place.config('[profiles.default]\nhost = "0.0.0.0"\n')
    place.env_file("# a comment\n\nAZPAY_TIMEZONE=Europe/Paris\n")

    origins = place.load({"log_level": "debug"}, AZPAY_PORT="80").origins

    assert origins["log_level"] == "flag --log-level"
    assert origins["port"] == "environment AZPAY_PORT"
    assert origins["timezone"] == ".env line 3"
    assert origins["host"] == f"profile default in {place.config_file}"
    assert origins["merchant_name"] == "default"


def test_describing_shows_every_setting_and_no_secret(place: Place) -> None:
    key, signing = "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "whsec_CANARYcanaryCANARY1234"
    url = "postgresql://azpay:CANARY/with@sign@db.example.com/azpay?sslpassword=CANARY"
    settings = place.load(
        AZPAY_STRIPE_API_KEY=key, AZPAY_WEBHOOK_SECRETS=f"{signing},whsec_short", AZPAY_DATABASE_URL=url
    )

    described = {name: (value, origin) for name, value, origin in settings.describe()}

    assert described["stripe_api_key"] == ("sk_test_…p7dc", "environment AZPAY_STRIPE_API_KEY")
    assert described["webhook_secrets"][0] == "whsec_…1234, whsec_…"
    assert described["database_url"][0] == "postgresql://azpay:…@db.example.com/azpay?sslpassword=…"
    assert described["live"] == ("false", "default")
    assert described["merchant_name"] == ("not set", "default")
    assert "CANARY" not in repr(settings) + str(described)
    assert key not in repr(settings) + str(described)


@pytest.mark.parametrize(("written", "debug"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_a_switch_is_written_as_people_do_in_a_shell(place: Place, written: str, debug: bool) -> None:
    assert place.load(AZPAY_DEBUG=written).debug is debug


def test_the_environment_of_other_programs_is_left_alone(place: Place) -> None:
    place.env_file("DATABASE_URL=mysql://x\nSTRIPE_API_KEY=pk_x\n")

    assert place.load(HOME="/root", STRIPE_API_KEY="pk_y").stripe_api_key is None


def test_an_env_file_is_taken_at_its_word(place: Place) -> None:
    place.env_file("""export AZPAY_MERCHANT_NAME='Books & ${HOME}' # not ours to expand\nAZPAY_PORT="81"\n""")

    settings = place.load()

    assert settings.merchant_name == "Books & ${HOME}"
    assert settings.port == 81


def test_a_profile_is_chosen_by_flag_environment_or_default_profile(place: Place) -> None:
    place.config('default_profile = "shop"\n[profiles.shop]\nport = 1\n[profiles.other]\nport = 2\n')

    assert (place.load().profile, place.load().port) == ("shop", 1)
    assert place.load().origins["profile"] == f"default_profile in {place.config_file}"
    assert place.load(AZPAY_PROFILE="other").port == 2
    assert place.load({"profile": "shop"}, AZPAY_PROFILE="other").port == 1
    assert place.load({"profile": "default"}).port == 8000


def test_each_profile_has_a_book_of_its_own(place: Place) -> None:
    place.config("[profiles.shop]\n")

    book = place.load(AZPAY_PROFILE="shop", AZPAY_DATA_DIR="/var/lib/azpay").database_url

    assert book.reveal() == "sqlite:////var/lib/azpay/shop.db"


def test_the_sandbox_needs_no_configuration(place: Place) -> None:
    settings = place.load(AZPAY_PROFILE="sandbox")

    assert settings.stripe_api_base == "http://127.0.0.1:12111"
    assert settings.stripe_api_key is not None
    assert settings.stripe_api_key.reveal() == "sk_test_azpay_sandbox"
    assert [secret.reveal() for secret in settings.webhook_secrets] == ["whsec_azpay_sandbox"]
    assert settings.origins["stripe_api_key"] == "built into profile sandbox"


def test_a_profile_table_adds_to_the_built_in_sandbox(place: Place) -> None:
    place.config('[profiles.sandbox]\nstripe_api_base = "http://localhost:9999/"\n')

    settings = place.load(AZPAY_PROFILE="sandbox")

    assert settings.stripe_api_base == "http://localhost:9999"


def test_a_list_in_a_profile_reads_as_several_values(place: Place) -> None:
    place.config('[profiles.default]\nwebhook_secrets = ["whsec_new", "whsec_old", "whsec_new"]\n')

    assert [secret.reveal() for secret in place.load().webhook_secrets] == ["whsec_new", "whsec_old"]


def test_files_and_folders_follow_the_users_conventions(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    settings = load(flags={}, env={"AZPAY_TIMEZONE": "Europe/Paris"}, cwd=place.cwd)

    assert settings.config_file == default_config_file()
    assert settings.config_file.is_relative_to(tmp_path)
    assert settings.data_dir.is_relative_to(tmp_path)
    assert settings.zone.tzname(None) is None
    assert str(settings.zone) == "Europe/Paris"
