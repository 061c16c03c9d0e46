"""`azpay` and `python -m azpay`."""

from __future__ import annotations

import gc
import io
import os
import sys

IMPORTED = 200_000


def main() -> None:
    try:
        put_off_collecting()
        ready_output()
        from azpay.cli.app import app

        app(prog_name="azpay")
    except (Exception, KeyboardInterrupt) as error:
        from azpay.cli import failures

        sys.exit(failures.report(error))


def put_off_collecting() -> None:
    """Collect no garbage while modules are imported: they make none, and looking takes a tenth of the time.

    By the first collection everything imported is there to stay, and from then on all is as usual.
    """
    usual = gc.get_threshold()

    def resume(phase: str, _info: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(resume)
            gc.freeze()
            gc.set_threshold(*usual)

    gc.callbacks.append(resume)
    gc.set_threshold(IMPORTED, *usual[1:])


def ready_output() -> None:
    """Output may be closed, or unable to spell a letter: no reason to stop half-way through a command."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
