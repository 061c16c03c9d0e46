"""A proxy in front of Stripe that carries requests out and keeps the answers to itself."""

from __future__ import annotations

from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Keeper(ThreadingHTTPServer):
    """`kept` is set when Stripe has answered; the answer is let go only when all is over."""

    def __init__(self, stripe: str) -> None:
        super().__init__(("127.0.0.1", 0), _Keeping)
        self.stripe = urlsplit(stripe).netloc
        self.kept, self.over = Event(), Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Keeping(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Keeper)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stripe = HTTPConnection(self.server.stripe, timeout=10)
        stripe.request("POST", self.path, body, dict(self.headers))
        stripe.getresponse().read()
        stripe.close()
        self.server.kept.set()
        self.server.over.wait(60)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def keeping(stripe: str) -> Iterator[Keeper]:
    with Keeper(stripe) as keeper:
        thread = Thread(target=keeper.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield keeper
        finally:
            keeper.over.set()
            keeper.shutdown()
            thread.join()
