"""The demo's stage: a sandbox and a daemon as real processes, and commands typed as a person would.

Every process gets the same environment, free of the user's own settings, and a session of its own, so that
Ctrl-C reaches only the demo, which then ends what it started.

A command is a process of its own too, with its own status, but it is forked from the demo where the system
can: loading Python and the libraries sixteen times would take longer than the day itself.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, Self
from urllib.error import URLError
from urllib.request import Request, urlopen

from azpay.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
START_SECONDS = 20
STOP_SECONDS = 10
COMMAND_SECONDS = 60
WEBHOOK_PATH = "/api/webhooks/stripe"


class DemoFailed(Failed):
    """Something on the stage did not do what it should."""

    code = "demo_failed"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return (self.stderr + self.stdout).strip()


class Stage:
    """`with Stage(folder, show=print) as stage:` starts both processes and always ends them."""

    def __init__(self, folder: Path, *, show: Callable[[str], None], colour: bool) -> None:
        self.folder = folder
        self.stripe = f"http://{HOST}:{_free_port()}"
        self.daemon = f"http://{HOST}:{_free_port()}"
        self._show = show
        self._environment = _environment(folder, self.stripe, colour=colour)
        self._processes = ExitStack()

    def __enter__(self) -> Self:
        try:
            hook = self.daemon + WEBHOOK_PATH
            self._start("sandbox", "--port", _port(self.stripe), "--webhook", hook)
            self._start("serve", "--port", _port(self.daemon))
            _load_what_commands_need()
            self._wait_for("the sandbox", f"{self.stripe}/_sandbox/health")
            self._wait_for("the daemon", f"{self.daemon}/readyz")
        except BaseException:
            self._processes.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def type(self, *words: str, expect: int = 0) -> str:
        """Show the command and what it prints; it must end with the status expected."""
        self._show(f"\n$ {_as_typed('azpay', *words)}")
        done = self._run(words)
        self._show(done.said)
        self._check(words, done, expect)
        return done.stdout

    def ask(self, *words: str, expect: int = 0) -> Any:
        """The JSON answer of a command, unseen."""
        done = self._run((*words, "--json"))
        self._check(words, done, expect)
        return json.loads(done.stdout)["data"]

    def sandbox(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Steer the sandbox, or look into it."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.stripe}/_sandbox/{path}", data=data), timeout=5) as answer:  # noqa: S310
            return json.load(answer)

    def wait_until(self, what: str, done: Callable[[], bool], *, seconds: int = 15) -> None:
        """Look again and again, for a while."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise DemoFailed(f"Waited {seconds} s for {what}.", hint=self._where_to_look())
            time.sleep(0.05)

    def _run(self, words: tuple[str, ...]) -> Done:
        run = _forked if hasattr(os, "fork") else _executed
        try:
            return run(words, self.folder, self._environment)
        except TimeoutError as error:
            raise DemoFailed(f"`azpay {words[0]}` did not end.", hint=self._where_to_look()) from error

    def _check(self, words: tuple[str, ...], done: Done, expect: int) -> None:
        if done.status != expect:
            raise DemoFailed(
                f"`{_as_typed('azpay', *words)}` ended with {done.status} and not {expect}:\n{done.said}",
                hint=self._where_to_look(),
            )

    def _start(self, *words: str) -> None:
        log = self._processes.enter_context((self.folder / f"{words[0]}.log").open("w"))
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-m", "azpay", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._processes.callback(_end, process)

    def _wait_for(self, what: str, url: str) -> None:
        self.wait_until(f"{what} to start", lambda: _answers(url), seconds=START_SECONDS)

    def _where_to_look(self) -> str:
        return f"See sandbox.log and serve.log in {self.folder} (--keep DIR keeps it)."


def _load_what_commands_need() -> None:
    """While the other two start: every command forked later finds it loaded."""
    for module in ("azpay.bootstrap", "azpay.gateway.stripe", "azpay.receipts", "azpay.reconciliation"):
        import_module(module)


def _executed(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Done:
    """A command as a program of its own."""
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, "-m", "azpay", *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    return Done(done.returncode, done.stdout, done.stderr)


def _forked(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Done:
    """The same from a copy of this process, which has everything loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            _become(words, folder, environment, out.fileno(), err.fileno())
        status = _status_of(child)
        return Done(status, _written(out), _written(err))


def _become(
    words: tuple[str, ...], folder: Path, environment: dict[str, str], out: int, err: int
) -> NoReturn:
    """In the child: be the command, and never come back."""
    status = 70
    try:
        os.setsid()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        for wanted, here in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(wanted, here)
        status = _call(words)
    finally:
        os._exit(status)


def _call(words: tuple[str, ...]) -> int:
    from azpay.cli.app import app

    try:
        app(list(words), prog_name="azpay")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _status_of(child: int) -> int:
    """Wait for it; a command that does not end, or whose demo is interrupted, is ended."""
    deadline = time.monotonic() + COMMAND_SECONDS
    try:
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
    except BaseException:
        _kill(child)
        raise
    _kill(child)
    raise TimeoutError


def _kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _as_typed(*words: str) -> str:
    return shlex.join(words)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _environment(folder: Path, stripe: str, *, colour: bool) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AZPAY_")}
    wanted = {
        "AZPAY_PROFILE": "sandbox",
        "AZPAY_STRIPE_API_BASE": stripe,
        "AZPAY_DATA_DIR": str(folder / "data"),
        "AZPAY_MERCHANT_NAME": "Analytical Engines Ltd",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONUNBUFFERED": "1",
    }
    return inherited | wanted | ({"CLICOLOR_FORCE": "1"} if colour else {})
