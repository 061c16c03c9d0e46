from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import keyring
import pytest

from azpay.credentials import Credentials, CredentialsRefused
from azpay.errors import Usage
from tests.credentials.keyrings import Forgetful, Locked, Remembering

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

KEY = "rk_test_CANARYcanaryCANARY"
NAME = "stripe-api-key"


def test_a_key_is_kept_in_the_keyring_for_its_profile(tmp_path: Path) -> None:
    backend = Remembering()
    credentials = Credentials(tmp_path, backend=backend)

    place = credentials.store("shop", NAME, KEY)

    assert place == credentials.where("shop", NAME) == "the keyring"
    assert backend.kept == {("azpay", "shop/stripe-api-key"): KEY}
    assert credentials.find("shop", NAME) == KEY
    assert credentials.find("default", NAME) is None
    assert list(tmp_path.iterdir()) == []


def test_the_systems_keyring_is_used_unless_another_is_given(tmp_path: Path) -> None:
    backend, before = Remembering(), keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        Credentials(tmp_path).store("shop", NAME, KEY)
    finally:
        keyring.set_keyring(before)

    assert list(backend.kept.values()) == [KEY]


@pytest.mark.parametrize("backend", [Locked(), Forgetful()])
def test_a_keyring_that_fails_is_passed_over_for_a_private_file(
    tmp_path: Path, backend: KeyringBackend
) -> None:
    credentials = Credentials(tmp_path, backend=backend)

    place = credentials.store("shop", NAME, KEY)

    assert place == credentials.where("shop", NAME) == str(tmp_path / "credentials.json")
    assert credentials.find("shop", NAME) == KEY
    (notice,) = credentials.notices
    assert notice.startswith("the keyring cannot be used: ")
    assert KEY not in notice


def test_a_keyring_that_works_again_leaves_no_copy_in_the_file(tmp_path: Path) -> None:
    Credentials(tmp_path, backend=Locked()).store("shop", NAME, "rk_test_old")

    credentials = Credentials(tmp_path, backend=Remembering())
    credentials.store("shop", NAME, KEY)

    assert credentials.find("shop", NAME) == KEY
    assert Credentials(tmp_path, backend=Locked()).find("shop", NAME) is None


def test_systemd_mounts_credentials_by_profile_and_name(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "azpay-shop-stripe-api-key").write_text(f"{KEY}\n")
    credentials = Credentials(tmp_path, backend=Remembering(), mounted=mounted)

    assert credentials.find("shop", NAME) == KEY
    assert credentials.where("shop", NAME) == str(mounted)
    assert credentials.find("other", NAME) is None
    assert credentials.remove("shop", NAME) == ()


def test_the_keyring_wins_over_the_file_and_the_file_over_systemd(tmp_path: Path) -> None:
    mounted, backend = tmp_path / "mounted", Remembering()
    mounted.mkdir()
    (mounted / "azpay-shop-stripe-api-key").write_text("rk_test_mounted")
    credentials = Credentials(tmp_path, backend=backend, mounted=mounted)

    Credentials(tmp_path, backend=Locked()).store("shop", NAME, "rk_test_file")
    assert credentials.find("shop", NAME) == "rk_test_file"

    backend.set_password("azpay", f"shop/{NAME}", "rk_test_keyring")
    assert credentials.find("shop", NAME) == "rk_test_keyring"


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_mounted_credential_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "azpay-shop-stripe-api-key"
    path.mkdir() if content is None else path.write_bytes(content)
    credentials = Credentials(tmp_path, backend=Remembering(), mounted=tmp_path)

    with pytest.raises(CredentialsRefused, match="cannot be read"):
        credentials.find("shop", NAME)


def test_removing_a_key_removes_it_wherever_it_was_kept(tmp_path: Path) -> None:
    Credentials(tmp_path, backend=Locked()).store("shop", NAME, KEY)
    Credentials(tmp_path, backend=Locked()).store("other", NAME, KEY)
    backend = Remembering()
    backend.set_password("azpay", f"shop/{NAME}", KEY)
    credentials = Credentials(tmp_path, backend=backend)

    removed = credentials.remove("shop", NAME)

    assert removed == ("the keyring", str(tmp_path / "credentials.json"))
    assert credentials.find("shop", NAME) is None
    assert credentials.find("other", NAME) == KEY
    assert credentials.remove("shop", NAME) == ()


def test_removing_says_that_a_locked_keyring_may_still_hold_it(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path, backend=Locked())

    assert credentials.remove("shop", NAME) == ()
    assert credentials.notices == ("the keyring cannot be used: KeyringLocked.",)


@pytest.mark.parametrize("word", ["", "..", "../x", "a/b", "a\x00b", "A", "x" * 65])
def test_words_that_could_leave_a_folder_are_refused(tmp_path: Path, word: str) -> None:
    credentials = Credentials(tmp_path, backend=Remembering(), mounted=tmp_path)

    with pytest.raises(Usage, match="cannot name a credential"):
        credentials.find(word, NAME)
    with pytest.raises(Usage, match="cannot name a credential"):
        credentials.store("shop", word, KEY)


def test_credentials_import_no_keyring_until_asked() -> None:
    program = "import sys, azpay.credentials; print('keyring' in sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stdout

    assert loaded.strip() == "False"
