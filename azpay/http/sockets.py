"""The address to listen on, or a sentence about why not."""

from __future__ import annotations

import errno
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


class HostUnknown(Usage):
    """The name to listen on is not an address."""

    code = "host_unknown"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises CannotListen or HostUnknown."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except socket.gaierror:
        raise HostUnknown(
            f"There is no address {host!r} to listen on.",
            hint="Give an IP address, such as --host 127.0.0.1.",
        ) from None
    except OSError as error:
        hint = NEXT.get(error.errno or 0, "Choose another --host or --port.")
        raise CannotListen(f"Cannot listen on {address(host, port)}: {error.strerror}.", hint=hint) from None


def address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
