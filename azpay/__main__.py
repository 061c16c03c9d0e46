"""`azpay` and `python -m azpay`."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from azpay.cli.app import app

        app(prog_name="azpay")
    except (Exception, KeyboardInterrupt) as error:
        from azpay.cli import failures

        sys.exit(failures.report(error))


if __name__ == "__main__":
    main()
