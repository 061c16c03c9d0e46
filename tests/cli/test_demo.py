"""`azpay demo`: a day in the life, in real processes that all end with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import further

from .running import error, run

if TYPE_CHECKING:
    from collections.abc import Callable

POLLUTED = {
    "AZPAY_DATABASE_URL": "sqlite:////nonexistent/book.db",
    "AZPAY_STRIPE_API_KEY": "sk_live_abcdefgh12345678",
    "AZPAY_PROFILE": "shop",
    "AZPAY_NOT_A_SETTING": "x",
}
MARK = "DEMO_OF_A_TEST"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """In a folder with a `.env` that is broken, and with settings that would end any command."""
    (folder / ".env").write_text("AZPAY_STRIPE_API_KEY=sk_live_abcdefgh12345678\nnot a line\n")
    return subprocess.Popen(
        [sys.executable, "-m", "azpay", "demo", *words],
        cwd=folder,
        env=os.environ | POLLUTED | {MARK: str(folder), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running(folder: Path) -> list[int]:
    """Every process that has inherited the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={folder}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        found += [int(process.name)] if marked else []
    return found


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert done()


@pytest.mark.further
def test_the_day_adds_up_and_leaves_nothing_running(tmp_path: Path) -> None:
    demo = start(tmp_path, "--json")
    out, told = demo.communicate(timeout=110)

    document = json.loads(out)
    figures = document["data"]
    assert demo.returncode == 0, told
    assert document["schema"] == "azpay.demo/1"
    assert figures["agreed"] is True
    assert (
        figures["captured"]["azpay"]
        == figures["captured"]["stripe"]
        == {"eur": 9550, "jpy": 5800, "usd": 1999}
    )
    assert figures["refunded"]["azpay"] == figures["refunded"]["stripe"] == {"jpy": 700, "usd": 500}
    assert figures["payments"] == {"stripe": 4, "azpay": 4}
    assert running(tmp_path) == []
    assert [file.name for file in tmp_path.iterdir()] == [".env"]


@pytest.mark.slow
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="a third demo; LONG_TESTS=1 runs it")
def test_what_is_kept_can_be_looked_at_later(tmp_path: Path) -> None:
    demo = start(tmp_path, "--keep", "day")
    out, told = demo.communicate(timeout=110)

    day = tmp_path / "day"
    assert demo.returncode == 0, told
    assert "$ azpay charge 19.99 usd --customer ada@example.com --reference order-1001" in out
    assert "Every figure agrees" in out
    assert out.isascii() or "\x1b" not in out
    assert (day / "receipt.pdf").read_bytes().startswith(b"%PDF-")
    assert (day / "data" / "sandbox.db").stat().st_mode & 0o077 == 0
    assert (day / "sandbox.log").read_text()
    assert (day / "serve.log").read_text()
    assert running(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), further(signal.SIGTERM, 143), further(signal.SIGHUP, 129)]
)
def test_a_day_that_is_broken_off_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    demo = start(tmp_path, "--keep", "day")
    wait_until((tmp_path / "day" / "data" / "sandbox.db").exists)

    demo.send_signal(number)
    _, told = demo.communicate(timeout=60)

    assert as_a_shell_says(demo.returncode) == status
    assert "Traceback" not in told
    assert running(tmp_path) == []


def as_a_shell_says(returncode: int) -> int:
    """Python ends by the signal itself when Ctrl-C came inside an import's `exec`: 130 in a shell, too."""
    return 128 - returncode if returncode < 0 else returncode


@pytest.mark.parametrize("in_the_way", ["day/note.txt", "day"])
def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, in_the_way: str) -> None:
    note = tmp_path / in_the_way
    note.parent.mkdir(exist_ok=True)
    note.write_text("Dear diary")

    result = run(None, "demo", "--keep", str(tmp_path / "day"), "--json")

    assert result.exit_code == 2
    assert error(result)["code"] == "folder_taken"
    assert [file.name for file in tmp_path.rglob("*.txt")] == ([note.name] if note.suffix else [])
    assert note.read_text() == "Dear diary"


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "demo", "--help").stdout.splitlines() if line.strip()]

    assert lines[3:5] == ["Examples", "azpay demo"]
