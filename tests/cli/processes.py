"""Running the shop as a real process, in a pipe or on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple

SHOP = [sys.executable, str(Path(__file__).with_name("shop.py"))]


class Finished(NamedTuple):
    status: int
    screen: str


def environment(**added: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **added}


def start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SHOP, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def on_terminal(*args: str, typed: str = "", columns: int = 80, **env: str) -> Finished:
    """What a person sees: both streams, as they come. Line ends are the terminal's own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    os.write(ours, typed.encode())
    settings = environment(TERM="xterm-256color", **env)
    with subprocess.Popen(
        [*SHOP, *args], stdin=theirs, stdout=theirs, stderr=theirs, env=settings
    ) as process:
        os.close(theirs)
        screen = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return Finished(process.returncode, screen.decode().replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    """Linux reports EIO, not an end of file, when the program has left the terminal."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
