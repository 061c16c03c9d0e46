"""Other people's programs, where they are installed, and a sandbox for them to speak to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from azpay.sandbox import DEFAULT_KEY
from tests.e2e.shop import AZPAY, environment, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STRIPE = os.environ.get("STRIPE_CLI") or shutil.which("stripe")
NO_STRIPE = (
    "Stripe's CLI is not here: `npm install @stripe/cli@1.52.0` in a folder of its own, then set STRIPE_CLI "
    "to its node_modules/.bin/stripe, or put that on PATH."
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`azpay sandbox` as a process of its own."""

    url: str

    def list(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        """What the API lists, newest first."""
        request = Request(f"{self.url}/v1/{kind}?limit=100&{query}")  # noqa: S310 - our own address
        request.add_header("Authorization", f"Bearer {DEFAULT_KEY}")
        return list(self._answer(request)["data"])

    def control(self, what: str, **order: object) -> dict[str, Any]:
        body = json.dumps(order).encode()
        return self._answer(Request(f"{self.url}/_sandbox/{what}", data=body))  # noqa: S310

    def events(self, kind: str) -> set[str]:
        return {event["id"] for event in self.list("events", f"type={kind}")}

    @staticmethod
    def _answer(request: Request) -> dict[str, Any]:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            told: dict[str, Any] = json.load(response)
            return told


@contextmanager
def a_sandbox(folder: Path) -> Iterator[Sandbox]:
    """Its log goes to a file: nobody reads a pipe here, and a full one would stop it."""
    command = [*AZPAY, "sandbox", "--port", "0", "--json", "--retry", "1,1"]
    with (folder / "sandbox.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        yield Sandbox(json.loads(process.stdout.readline())["data"]["api_base"])
    finally:
        process.terminate()
        finish(process)


@dataclass(frozen=True, slots=True)
class StripeCli:
    """Stripe's own, pointed at a sandbox."""

    sandbox: Sandbox
    folder: Path

    def command(self, *words: str) -> list[str]:
        assert STRIPE is not None
        return [STRIPE, *words, "--api-key", DEFAULT_KEY, "--api-base", self.sandbox.url]

    def run(self, *words: str) -> str:
        finished = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words))

    @contextmanager
    def listening(self, *words: str) -> Iterator[Path]:
        """The file with what it has said; it is ready when the block begins."""
        said = self.folder / "listened.txt"
        command = self.command("listen", "--skip-update", *words)
        with said.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: "Ready!" in said.read_text())
            yield said
        finally:
            os.killpg(process.pid, signal.SIGINT)  # the npm package starts the program in a child
            process.wait(30)

    def _environment(self) -> dict[str, str]:
        return environment(self.folder, STRIPE_CLI_TELEMETRY_OPTOUT="1", NO_COLOR="1")


def eventually(done: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.05)
