from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from azpay.receipts.files import FileInTheWay, NotAFile, save

if TYPE_CHECKING:
    from pathlib import Path

PDF = b"%PDF-1.4 one"


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "receipt.pdf"

    save(PDF, file)

    assert file.read_bytes() == PDF
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_same_receipt_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "receipt.pdf"
    save(PDF, file)
    before = file.stat()

    save(PDF, file)

    assert file.stat() == before


def test_something_else_in_the_way_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "receipt.pdf"
    file.write_bytes(b"my thesis")

    with pytest.raises(FileInTheWay, match="something else"):
        save(PDF, file)

    assert file.read_bytes() == b"my thesis"
    assert list(tmp_path.iterdir()) == [file]


def test_force_replaces_it_and_makes_it_private(tmp_path: Path) -> None:
    file = tmp_path / "receipt.pdf"
    file.write_bytes(b"an older receipt")
    file.chmod(0o644)

    save(PDF, file, force=True)

    assert file.read_bytes() == PDF
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("force", [False, True])
def test_a_link_is_not_followed(tmp_path: Path, force: bool) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"keys")
    link = tmp_path / "receipt.pdf"
    link.symlink_to(target)

    with pytest.raises(NotAFile, match="is a link"):
        save(PDF, link, force=force)

    assert target.read_bytes() == b"keys"


def test_a_link_to_nowhere_is_not_followed_either(tmp_path: Path) -> None:
    link = tmp_path / "receipt.pdf"
    link.symlink_to(tmp_path / "nowhere")

    with pytest.raises(NotAFile, match="is a link"):
        save(PDF, link)

    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotAFile, match="is a folder"):
        save(PDF, tmp_path, force=True)


def test_a_pipe_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(NotAFile, match="not an ordinary file"):
        save(PDF, tmp_path / "pipe", force=True)


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotAFile, match="There is no folder"):
        save(PDF, tmp_path / "missing" / "receipt.pdf")


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAFile, match="NUL"):
        save(PDF, tmp_path / "receipt\0.pdf")


def test_a_name_of_255_bytes_is_written(tmp_path: Path) -> None:
    file = tmp_path / ("r" * 251 + ".pdf")

    save(PDF, file)

    assert file.read_bytes() == PDF


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        save(PDF, tmp_path / "receipt.pdf")

    assert list(tmp_path.iterdir()) == []
