from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING

import pytest

from azpay.settings import Secret

if TYPE_CHECKING:
    from tests.settings.conftest import Place

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (KEY, "sk_test_…p7dc"),
        ("rk_live_0123456789abcdef", "rk_live_…cdef"),
        ("sk_test_short", "sk_test_…"),
        ("whsec_0123456789abcdef", "whsec_…cdef"),
        ("hunter2", "…"),
        ("postgresql://azpay:hunter2@db/azpay", "postgresql://azpay:…@db/azpay"),
        ("postgresql://azpay@db/azpay", "postgresql://azpay@db/azpay"),
        ("sqlite:////var/lib/azpay/shop.db", "sqlite:////var/lib/azpay/shop.db"),
    ],
)
def test_a_secret_shows_its_kind_and_its_end(value: str, shown: str) -> None:
    secret = Secret(value)

    assert str(secret) == f"{secret}" == shown
    assert repr(secret) == f"Secret({shown!r})"
    assert secret.reveal() == value


def test_secrets_compare_by_value() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert {Secret(KEY), copy.deepcopy(Secret(KEY))} == {Secret(KEY)}


def test_there_is_no_empty_secret() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Secret("")


def test_a_secret_may_stand_in_a_file_of_its_own(place: Place) -> None:
    place.write(place.cwd / "key", f"{KEY}\r\n")

    settings = place.load(AZPAY_STRIPE_API_KEY_FILE="key")

    assert settings.stripe_api_key == Secret(KEY)
    assert settings.origins["stripe_api_key"] == "environment AZPAY_STRIPE_API_KEY_FILE"


def test_a_profile_names_a_secret_file_beside_it(place: Place) -> None:
    place.write(place.config_file.parent / "key", KEY)
    place.config('[profiles.default]\nstripe_api_key_file = "key"\n', mode=0o644)

    assert place.load().stripe_api_key == Secret(KEY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_file_that_others_can_read_is_refused(place: Place, mode: int) -> None:
    path = place.write(place.cwd / "key", KEY, mode)

    (problem,) = place.problems(AZPAY_STRIPE_API_KEY_FILE=str(path))

    assert "which others can read: chmod 600 it." in problem
    assert KEY not in problem


def test_a_folder_of_credentials_guards_its_own_files(place: Place) -> None:
    path = place.write(place.cwd / "key", KEY, 0o444)

    settings = place.load(AZPAY_STRIPE_API_KEY_FILE=str(path), CREDENTIALS_DIRECTORY=str(place.cwd))

    assert settings.stripe_api_key == Secret(KEY)


def test_a_way_out_of_the_folder_of_credentials_is_not_guarded(place: Place) -> None:
    path = place.write(place.cwd / "key", KEY, 0o444)
    inside = place.config_file.parent / "link"
    inside.symlink_to(path)

    (problem,) = place.problems(
        AZPAY_STRIPE_API_KEY_FILE=str(inside), CREDENTIALS_DIRECTORY=str(place.config_file.parent)
    )

    assert "others can read" in problem


def test_a_pipe_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.cwd / "pipe", 0o600)

    (problem,) = place.problems(AZPAY_STRIPE_API_KEY_FILE="pipe")

    assert "which is not a file" in problem


@pytest.mark.parametrize(("content", "problem"), [(b"\n", "file that is empty"), (b"\xff", "not UTF-8")])
def test_a_secret_file_without_a_secret_is_refused(place: Place, content: bytes, problem: str) -> None:
    place.write(place.cwd / "key", "").write_bytes(content)

    (found,) = place.problems(AZPAY_STRIPE_API_KEY_FILE="key")

    assert problem in found


def test_a_secret_and_its_file_do_not_both_count(place: Place) -> None:
    place.write(place.cwd / "key", KEY)

    (problem,) = place.problems(AZPAY_STRIPE_API_KEY_FILE="key", AZPAY_STRIPE_API_KEY=KEY)

    assert "is given already by environment AZPAY_STRIPE_API_KEY_FILE; keep one." in problem


def test_a_nearer_source_wins_in_whichever_form(place: Place) -> None:
    place.env_file("AZPAY_STRIPE_API_KEY=sk_test_far\n")
    place.write(place.cwd / "key", KEY)

    assert place.load(AZPAY_STRIPE_API_KEY_FILE="key").stripe_api_key == Secret(KEY)


def test_no_secret_is_taken_from_the_command_line(place: Place) -> None:
    (problem,) = place.problems({"stripe_api_key": KEY})

    assert "is not a setting" in problem
    assert KEY not in problem


def test_a_configuration_file_with_a_secret_is_for_its_owner_only(place: Place) -> None:
    place.config(f'[profiles.default]\nstripe_api_key = "{KEY}"\n', mode=0o644)

    assert place.problems() == (
        f"{place.config_file} holds a secret and others can read it: chmod 600 {place.config_file}",
    )

    place.config_file.chmod(0o600)
    assert place.load().stripe_api_key == Secret(KEY)


def test_a_database_without_a_password_is_no_secret(place: Place) -> None:
    place.config('[profiles.default]\ndatabase_url = "sqlite:////srv/book.db"\n', mode=0o644)

    assert place.load().database_url.reveal() == "sqlite:////srv/book.db"


def test_an_env_file_with_a_secret_that_others_can_read_is_warned_of(place: Place) -> None:
    path = place.env_file(f"AZPAY_STRIPE_API_KEY={KEY}\n", mode=0o644)

    settings = place.load()

    assert settings.warnings == (f"{path} holds a secret and others can read it: chmod 600 {path}",)


def test_an_env_file_without_secrets_may_be_read_by_all(place: Place) -> None:
    place.env_file("AZPAY_PORT=1\n", mode=0o644)

    assert place.load().warnings == ()
