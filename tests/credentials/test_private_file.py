from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from azpay.credentials import Credentials, CredentialsRefused
from azpay.errors import NotAllowed
from tests.credentials.keyrings import Locked

if TYPE_CHECKING:
    from pathlib import Path

KEY = "rk_test_CANARYcanaryCANARY"
NAME = "stripe-api-key"
SOMEONE_ELSE = 65534


def in_file(folder: Path) -> Credentials:
    return Credentials(folder, backend=Locked())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_file_and_folders_are_private_under_any_umask(tmp_path: Path, umask: str) -> None:
    program = (
        "import os, sys; from pathlib import Path; from azpay.credentials import Credentials\n"
        "from keyring.backends.fail import Keyring\n"
        "os.umask(int(sys.argv[2], 8))\n"
        "Credentials(Path(sys.argv[1]), backend=Keyring()).store('shop', 'stripe-api-key', 'rk_test_x')"
    )
    folder = tmp_path if umask == "777" else tmp_path / "new" / "azpay"

    subprocess.run([sys.executable, "-c", program, str(folder), umask], check=True, cwd="/")

    assert mode(folder) == 0o700
    assert all(mode(each) & 0o077 == 0 for each in folder.parents if each.is_relative_to(tmp_path))
    assert mode(folder / "credentials.json") == 0o600
    assert in_file(folder).find("shop", NAME) == "rk_test_x"


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    in_file(tmp_path).store("shop", NAME, KEY)

    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("others", [0o640, 0o604, 0o620, 0o606])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, others: int) -> None:
    in_file(tmp_path).store("shop", NAME, KEY)
    (tmp_path / "credentials.json").chmod(others)

    with pytest.raises(NotAllowed, match="can be read or written by others") as refused:
        in_file(tmp_path).find("shop", NAME)

    assert "Roll the keys" in (refused.value.hint or "")
    with pytest.raises(CredentialsRefused):
        in_file(tmp_path).store("shop", NAME, KEY)


def test_a_link_of_ones_own_is_followed(tmp_path: Path) -> None:
    dotfiles, folder = tmp_path / "dotfiles", tmp_path / "azpay"
    in_file(dotfiles).store("shop", NAME, "rk_test_old")
    folder.mkdir()
    (folder / "credentials.json").symlink_to(dotfiles / "credentials.json")

    in_file(folder).store("shop", NAME, KEY)

    assert (folder / "credentials.json").is_symlink()
    assert in_file(dotfiles).find("shop", NAME) == KEY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file someone else's")
@pytest.mark.parametrize("follow", [True, False])
def test_a_file_or_link_of_someone_else_is_refused(tmp_path: Path, follow: bool) -> None:
    in_file(tmp_path / "real").store("shop", NAME, KEY)
    link = tmp_path / "credentials.json"
    link.symlink_to(tmp_path / "real" / "credentials.json")
    os.chown(link, SOMEONE_ELSE, SOMEONE_ELSE, follow_symlinks=follow)

    with pytest.raises(CredentialsRefused, match=r"someone else made|not a file of yours"):
        in_file(tmp_path).find("shop", NAME)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "credentials.json", 0o600)

    with pytest.raises(CredentialsRefused, match="not a file of yours"):
        in_file(tmp_path).find("shop", NAME)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"shop": 1}', b'{"shop": {"key": 1}}', b"[" * 100_000]
)
def test_a_file_that_is_not_ours_to_understand_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "credentials.json"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(CredentialsRefused, match=r"cannot be read|is not a file of credentials"):
        in_file(tmp_path).store("shop", NAME, KEY)

    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CredentialsRefused, match="cannot be written: Not a directory"):
        in_file(tmp_path / "file" / "azpay").store("shop", NAME, KEY)


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from resource import RLIMIT_FSIZE, getrlimit, setrlimit\n"
        "from azpay.credentials import Credentials, CredentialsRefused\n"
        "from keyring.backends.fail import Keyring\n"
        "limits = getrlimit(RLIMIT_FSIZE)\n"
        "setrlimit(RLIMIT_FSIZE, (0, limits[1]))\n"
        "try: Credentials(Path(sys.argv[1]), backend=Keyring()).store('shop', 'other', 'rk_test_x')\n"
        "except CredentialsRefused as refused: print(refused)\n"
        "finally: setrlimit(RLIMIT_FSIZE, limits)"
    )
    in_file(tmp_path).store("shop", NAME, KEY)

    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "cannot be written: File too large" in said
    assert in_file(tmp_path).find("shop", NAME) == KEY
    assert sorted(path.name for path in tmp_path.iterdir()) == [".credentials.lock", "credentials.json"]


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    profiles = [f"shop-{number}" for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda profile: in_file(tmp_path).store(profile, NAME, KEY), profiles))

    assert [in_file(tmp_path).find(profile, NAME) for profile in profiles] == [KEY] * 16
