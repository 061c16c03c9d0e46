"""Many azpay commands at the same moment, each a process of its own.

Reads one order from stdin. The children are forked from a process that has imported what they need, so that
a crowd of them costs as much as a few, and none of them begins before all are there.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from azpay.__main__ import main

AWAY = 70
"""The exit status of a child that could not be started."""


NEEDED = ("bootstrap", "gateway.stripe", "cli.charge", "cli.refund", "cli.showing", "cli.wiring")


def live(words: list[str], folder: Path, name: str) -> None:
    """Be the command."""
    os.chdir(folder)
    for number, file in ((0, os.devnull), (1, f"{name}.out"), (2, f"{name}.err")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | (os.O_TRUNC if number else 0), 0o600), number)
    sys.argv = ["azpay", *words]
    main()


def bear(order: dict[str, Any], number: int, gate: tuple[int, int]) -> int:
    """A child that waits for the gate to open, and then is the command of this number."""
    child = os.fork()
    if child:
        return child
    status = AWAY
    try:
        os.close(gate[1])
        os.read(gate[0], 1)
        live(order["commands"][number], Path(order["folder"]), f"crowd.{number}")
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def gather(order: dict[str, Any]) -> list[int]:
    """The exit status of each, negative for a signal."""
    os.environ.update(order["environment"])
    gate = os.pipe()
    children = [bear(order, number, gate) for number in range(len(order["commands"]))]
    os.close(gate[0])
    os.close(gate[1])
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    for module in NEEDED:
        importlib.import_module(f"azpay.{module}")
    json.dump(gather(json.load(sys.stdin)), sys.stdout)
