from __future__ import annotations

import subprocess
import sys

import pytest

from .processes import environment


def run(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment())


def test_the_collector_is_as_usual_after_its_first_run() -> None:
    code = (
        "import gc; from azpay.__main__ import put_off_collecting;"
        "usual, callbacks = gc.get_threshold(), list(gc.callbacks);"
        "put_off_collecting(); print(gc.get_threshold() == usual);"
        "gc.collect(); print(gc.get_threshold() == usual, gc.callbacks == callbacks);"
        "print(gc.get_freeze_count() > 0)"
    )

    done = run(code)

    assert done.stdout.split() == ["False", "True", "True", "True"]


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_output_is_no_failure(closing: str) -> None:
    done = subprocess.run(f"{sys.executable} -m azpay --version {closing}", shell=True, check=False)  # noqa: S602

    assert done.returncode == 0


def test_a_terminal_that_cannot_spell_still_shows_help() -> None:
    settings = environment(PYTHONIOENCODING="ascii")
    command = [sys.executable, "-m", "azpay", "--help"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)

    assert done.returncode == 0
    assert "Examples" in done.stdout


def test_an_interruption_while_modules_are_imported_is_told_in_a_line() -> None:
    code = (
        "import sys; from azpay.__main__ import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'azpay.cli.app':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "main()"
    )

    done = run(code, "--help")

    assert done.returncode == 130
    assert done.stderr.startswith("Interrupted.")
    assert "Traceback" not in done.stderr
