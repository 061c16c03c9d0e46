"""The address to listen on, or a sentence about why not."""

from __future__ import annotations

import errno
import os
import socket

from azpay.errors import Unavailable, Usage

BACKLOG = 1024

NEXT = {
    errno.EADDRINUSE: "Another program listens there, perhaps another azpay: stop it, or choose a --port.",
    errno.EACCES: "Ports below 1024 need a privilege: choose a --port above, behind a proxy.",
    errno.EADDRNOTAVAIL: "That address is not one of this machine's: choose another --host.",
}


class CannotListen(Unavailable):
    """The address is taken, is not ours, or may not be used."""

    code = "cannot_listen"

    def __init__(self, host: str, port: int, error: OSError) -> None:
        number = error.errno or 0
        super().__init__(
            f"Cannot listen on {address(host, port)}: {os.strerror(number)}.",
            hint=NEXT.get(number, "Choose another --host or --port."),
        )


class HostUnknown(Usage):
    """The name to listen on is not an address."""

    code = "host_unknown"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"There is no address {host!r} to listen on.",
            hint="Give an IP address, such as --host 127.0.0.1.",
        )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises CannotListen or HostUnknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise HostUnknown(host) from None
    try:
        return socket.create_server((host, port), family=found[0][0], backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(host, port, error) from None


def name(listener: socket.socket) -> str:
    """Where a socket listens: a URL, or the path of a Unix socket."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return address(host, port)


def address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
