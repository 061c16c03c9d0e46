"""Where a book's keys come from, and that only one is made."""

from __future__ import annotations

import multiprocessing
import stat
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from azpay.credentials import BookKeys, Credentials, CredentialsRefused, RootKey
from azpay.credentials.book_keys import KeyIsSet, NowhereToKeepKeys
from tests.credentials.keyrings import Locked, Remembering

if TYPE_CHECKING:
    from pathlib import Path


def kept(folder: Path) -> BookKeys:
    return BookKeys("shop", credentials=Credentials(folder, backend=Locked()))


def test_a_first_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    made = kept(tmp_path).establish()

    assert made is not None
    assert kept(tmp_path).establish() is None
    assert kept(tmp_path).find() == [made]
    assert kept(tmp_path).where == str(tmp_path / "credentials.json")


def establish(folder: Path) -> str | None:
    made = kept(folder).establish()
    return None if made is None else made.id


def test_programs_that_start_together_make_one_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = [key for key in pool.map(establish, [tmp_path] * 3) if key is not None]

    assert made == [key.id for key in kept(tmp_path).find()]


def test_a_keyring_keeps_it_where_there_is_one(tmp_path: Path) -> None:
    keys = BookKeys("shop", credentials=Credentials(tmp_path, backend=Remembering()))

    keys.establish()

    assert keys.where == "the keyring"
    assert not (tmp_path / "credentials.json").exists()


def test_a_new_key_stands_in_front_and_the_old_one_stays(tmp_path: Path) -> None:
    keys = kept(tmp_path)
    first = keys.establish()
    assert first is not None

    second, made = keys.renew(first.id)

    assert made
    assert keys.find() == [second, first]


def test_a_renewal_that_was_interrupted_goes_on_with_the_same_key(tmp_path: Path) -> None:
    keys = kept(tmp_path)
    first = keys.establish()
    assert first is not None
    second, _ = keys.renew(first.id)

    again = keys.renew(first.id)

    assert again == (second, False)


def test_keys_of_the_settings_come_before_those_kept(tmp_path: Path) -> None:
    old, new = RootKey.make(), RootKey.make()
    kept(tmp_path).establish()
    keys = BookKeys(
        "shop", given=[new.written, old.written], credentials=Credentials(tmp_path, backend=Locked())
    )

    assert keys.find() == [new, old]
    assert keys.renew(old.id) == (new, False)
    assert keys.where == "AZPAY_ENCRYPTION_KEY"
    assert keys.establish() is None
    for change in (lambda: keys.renew(new.id), lambda: keys.adopt(old, first=True)):
        with pytest.raises(KeyIsSet, match="settings"):
            change()


def test_a_key_is_not_made_where_nothing_keeps_it() -> None:
    with pytest.raises(NowhereToKeepKeys):
        BookKeys("shop").establish()


def test_a_systemd_credential_is_found(tmp_path: Path) -> None:
    root = RootKey.make()
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "azpay-shop-encryption-key").write_text(f"{root.written}\n")

    keys = BookKeys(
        "shop",
        credentials=Credentials(tmp_path, backend=Locked(), mounted=tmp_path / "mounted"),
    )

    assert keys.find() == [root]


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    kept(tmp_path).establish()
    file = tmp_path / "credentials.json"
    mode = stat.S_IMODE(file.stat().st_mode)
    file.chmod(0o644)

    with pytest.raises(CredentialsRefused, match="can be read or written by others"):
        kept(tmp_path).find()

    assert mode == 0o600
