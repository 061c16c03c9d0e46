"""Commands that live to a chosen boundary: one nursery of processes, and the book and Stripe they work on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.shop import Shop, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    Settings = dict[str, str]

NURSERY = [sys.executable, str(Path(__file__).with_name("nursery.py"))]


@dataclass(frozen=True, slots=True)
class Life:
    """How a command ended: its exit status or minus its signal, and the boundaries that it came past."""

    status: int
    passed: list[str]
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Nursery:
    shop: Shop
    process: subprocess.Popen[str]
    settings: Settings

    def live(self, *words: str, end: int | None = None, settings: Settings | None = None) -> Life:
        """The command, killed at the boundary of this number, counted from 1; or not, when it has fewer."""
        folder = self.shop.folder
        files = {name: str(folder / f"nursery.{name}") for name in ("passed", "out", "err")}
        environment = self.settings | (settings or {})
        order = {"words": words, "end": end, "folder": str(folder), "environment": environment, **files}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        status = int(self.process.stdout.readline())
        told = {name: Path(file).read_text() for name, file in files.items()}
        return Life(status, told["passed"].splitlines(), told["out"], told["err"])

    def does(self, *words: str, settings: Settings | None = None) -> Life:
        """The command, which is to succeed."""
        life = self.live(*words, settings=settings)
        assert life.status == 0, life.err
        return life


@contextmanager
def a_nursery(shop: Shop, **settings: str) -> Iterator[Nursery]:
    process = subprocess.Popen(
        NURSERY,
        cwd=Path.cwd(),
        env=environment(shop.folder) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(shop, process, shop.settings() | settings)
    finally:
        process.communicate(timeout=60)
