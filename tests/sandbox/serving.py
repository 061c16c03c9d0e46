"""The sandbox on a port of its own, in a thread, for tests that speak to a socket."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azpay.sandbox.loglines import LogLine

AUTHORIZED = f"Host: sandbox\r\nConnection: close\r\nAuthorization: Bearer {DEFAULT_KEY}\r\n".encode()


def _nothing() -> None:
    return


@dataclass
class Served:
    sandbox: Sandbox
    lines: list[LogLine] = field(default_factory=list)
    port: int = 0
    stop: Callable[[], None] = _nothing

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def failures(self) -> list[LogLine]:
        """What the server calls a bug of its own."""
        return [line for line in self.lines if line.what == "request_failed"]

    def exchange(self, raw: bytes, *, cut_off: bool = False) -> bytes:
        """Send these bytes, and with `cut_off` that no more will come; read until the server is done."""
        received = bytearray()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with connection, suppress(ConnectionError):  # the server may have heard enough
            connection.sendall(raw)
            if cut_off:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
        return bytes(received)

    def status(self, raw: bytes, *, cut_off: bool = False) -> int | None:
        """The status of the first answer, if there was one."""
        answer = self.exchange(raw, cut_off=cut_off)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


@contextmanager
def served() -> Iterator[Served]:
    server = Served(Sandbox(now=lambda: datetime.now(UTC)))
    loop, listening = asyncio.new_event_loop(), Event()

    def ready(port: int) -> None:
        server.port = port
        listening.set()

    task = loop.create_task(serve(server.sandbox, port=0, on_ready=ready, log=server.lines.append))
    thread = Thread(target=_run, args=(loop, task))

    def stop() -> None:
        with suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(task.cancel)
        thread.join(20)

    server.stop = stop
    thread.start()
    try:
        assert listening.wait(10), "the server did not start"
        yield server
    finally:
        stop()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
