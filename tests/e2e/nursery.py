"""Azpay's commands, as children of a process that has imported everything, each killed where one says.

Reads orders from stdin, a line of JSON each, and answers each with a line. A child is forked, so that it
costs a fraction of a new process; it dies by SIGKILL, so that nothing is tidied up. Nothing of azpay's is
changed: the store's own events, the transport under Stripe's SDK and the interpreter's audit events say
where it is.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from azpay.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable

AWAY = 70
"""The exit status of a child that could not be started."""


class Trail:
    """The boundaries that a command passes, in order. At the chosen one, if any, it ends."""

    def __init__(self, end: int | None, passed: str) -> None:
        self._end = end
        self._passed = os.open(passed, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._count = 0

    def pass_by(self, where: str) -> None:
        self._count += 1
        os.write(self._passed, f"{where}\n".encode())
        if self._count == self._end:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Each SQL statement, each commit, each request to Stripe and each renamed file: before and after."""
        event.listen(Engine, "before_cursor_execute", lambda *told: self.pass_by(f"before {_verb(told[2])}"))
        event.listen(Engine, "after_cursor_execute", lambda *told: self.pass_by(f"after {_verb(told[2])}"))
        event.listen(Engine, "commit", lambda _connection: self.pass_by("before COMMIT"))
        event.listen(Session, "after_commit", lambda _session: self.pass_by("after COMMIT"))
        httpx.HTTPTransport.handle_request = self._watched(httpx.HTTPTransport.handle_request)  # type: ignore[method-assign]
        sys.addaudithook(self._heard)

    def _watched(self, send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
        def sent(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            self.pass_by(f"before {request.method} {_kind(request)}")
            answer = send(transport, request)
            self.pass_by(f"after {request.method} {_kind(request)}")
            return answer

        return sent

    def _heard(self, what: str, _about: tuple[object, ...]) -> None:
        if what == "os.rename":
            self.pass_by("before rename")


def _verb(statement: str) -> str:
    return " ".join(statement.split()[:3])[:60]


def _kind(request: httpx.Request) -> str:
    """The path without ids."""
    return "/".join(
        part for part in request.url.path.split("/") if not part[-1:].isdigit() and "_1" not in part
    )


def live(order: dict[str, Any]) -> None:
    """Be the command, in a child."""
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    for number, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | (os.O_TRUNC if number else 0), 0o600), number)
    sys.argv = ["azpay", *order["words"]]
    Trail(order["end"], order["passed"]).watch()
    main()


def bear(order: dict[str, Any]) -> int:
    """The exit status of a child that lived by this order, negative for a signal."""
    learned, telling = os.pipe()
    child = os.fork()
    if not child:
        os.close(learned)
        status = AWAY
        try:
            live(order)
            status = 0
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else int(left.code is not None)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(telling, "\n".join(sys.modules.keys() - KNOWN).encode())
            os._exit(status)
    os.close(telling)
    learn(learned)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def learn(learned: int) -> None:
    """Import what a child had to: the next one has it already."""
    with os.fdopen(learned) as pipe:
        for module in pipe.read().split():
            KNOWN.add(module)
            with suppress(ImportError):  # what an extension made up has a name, and no file
                importlib.import_module(module)


KNOWN = set(sys.modules)

if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{bear(json.loads(line))}\n")
        sys.stdout.flush()
