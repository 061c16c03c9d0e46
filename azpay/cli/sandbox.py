"""`azpay sandbox`: an embedded Stripe on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from azpay.errors import Unavailable, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.sandbox import Sandbox
    from azpay.sandbox.loglines import Log


_WAITS = re.compile(r"\d{1,7}(,\d{1,7}){0,49}", re.ASCII)


class PortInUse(Unavailable):
    """Something else listens on the port."""

    code = "port_in_use"

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        super().__init__(
            f"{host}:{port} cannot be listened on: {reason}.",
            hint="Use --port 0 for a free port, or end what listens there.",
        )


class StateUnreadable(Usage):
    """The state file was not written by the sandbox."""

    code = "state_unreadable"


class StateInUse(Unavailable):
    """Another sandbox has the state file open."""

    code = "state_in_use"

    def __init__(self, state: Path) -> None:
        super().__init__(
            f"Another sandbox keeps its state in {state}.", hint="End that one, or name another file."
        )


class StateUnwritable(Usage):
    """The state cannot be kept where it should be."""

    code = "state_unwritable"

    def __init__(self, state: Path, reason: str) -> None:
        super().__init__(f"The state cannot be kept in {state}: {reason}.", hint="Name a file elsewhere.")


def sandbox(  # noqa: PLR0913 - what can be set about a Stripe
    ctx: typer.Context,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 12111,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(metavar="N", help="Another number, other ids.")] = 0,
    clock: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin at a time, such as 2026-01-31T12:00:00Z, and run."),
    ] = None,
    clock_stands: Annotated[
        bool, typer.Option("--clock-stands", help="Time passes only when it is told to.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep everything over a restart.")
    ] = None,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Where events are posted; repeatable.")
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="SCHEDULE", help="When a webhook is repeated: test, live, none, or 5,60,300."),
    ] = None,
    api_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The account's version, such as 2026-10-28.endive."),
    ] = None,
    chaos: Annotated[
        str | None,
        typer.Option(metavar="PROFILE", help="Trouble by chance: mild, storm, or a TOML file."),
    ] = None,
    rate_limits: Annotated[
        str,
        typer.Option(metavar="LIMITS", help="Requests a second as in Stripe's test or live mode, or off."),
    ] = "off",
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="A further key; rk_test_ci01:charge_read may only read. Repeatable."
        ),
    ] = None,
    payouts: Annotated[
        str | None,
        typer.Option(metavar="SCHEDULE", help="Pay the balance out daily, weekly, monthly, or manual."),
    ] = None,
) -> None:
    """An embedded Stripe: payments, refunds, fees, webhooks, and Stripe's errors, without a network.

    Examples:

        azpay sandbox
        azpay sandbox --webhook http://127.0.0.1:8000/api/webhooks/stripe
        azpay sandbox --state sandbox.db --port 12112
        azpay sandbox --chaos storm --seed 7        # the same trouble every time
        azpay sandbox --clock 2026-01-31T12:00:00Z --clock-stands
        azpay sandbox --retry 1,5                   # a webhook that fails comes again after 1 s and 5 s

    Any Stripe SDK works with it: point its API base here. `--profile sandbox` does that for azpay.
    """
    from azpay.cli import request_lines, sandbox_trouble, wiring

    log = request_lines.telling(wiring.unlocked_settings_of(ctx).log_format)
    engine = _engine(state, seed, Start(None if clock is None else _time(clock), clock_stands))
    for url in webhook or []:
        engine.subscribe(url, secret=_secret())
    if retry is not None:
        engine.retry_webhooks_after(_schedule(retry))
    if api_version is not None:
        _use_version(engine, api_version)
    sandbox_trouble.follow_chaos(engine, chaos, seed=seed)
    sandbox_trouble.limit(engine, rate_limits)
    sandbox_trouble.add_keys(engine, key or [])
    if payouts is not None:
        sandbox_trouble.pay_out(engine, payouts)
    _serve(ctx, engine, Place(host, port), webhook or [], log)


class Place(NamedTuple):
    host: str
    port: int

    def address(self, bound: int) -> str:
        return f"http://[{self.host}]:{bound}" if ":" in self.host else f"http://{self.host}:{bound}"


def _serve(ctx: typer.Context, engine: Sandbox, place: Place, webhooks: list[str], log: Log) -> None:
    """Until it is told to stop. `engine` is closed then."""
    import asyncio

    from azpay.cli import sandbox_panel
    from azpay.sandbox.server import serve

    bound_to: list[int] = []

    def ready(bound: int) -> None:
        bound_to.append(bound)
        sandbox_panel.tell(ctx, place.address(bound), secret=_secret(), webhooks=webhooks)

    try:
        asyncio.run(serve(engine, host=place.host, port=place.port, on_ready=ready, log=log))
    except OSError as error:
        if bound_to:
            raise
        raise PortInUse(place.host, place.port, error) from error
    finally:
        engine.close()


def _schedule(words: str) -> list[int]:
    """Seconds between the attempts, from a name or a list of numbers."""
    from azpay.sandbox.webhooks import SCHEDULES

    if words in SCHEDULES:
        return list(SCHEDULES[words])
    if not _WAITS.fullmatch(words):
        raise Usage(
            f"{words[:40]!r} is not a schedule.",
            hint="Use test, live, none, or the seconds between attempts, such as 5,60,300.",
        )
    return [int(wait) for wait in words.split(",")]


def _use_version(engine: Sandbox, version: str) -> None:
    from azpay.sandbox.errors import StripeError

    try:
        engine.api_version = version
    except StripeError as error:
        raise Usage(error.message, hint="Stripe's versions look like 2026-10-28.endive.") from error


def _time(words: str) -> datetime:
    from datetime import UTC, datetime

    try:
        time = datetime.fromisoformat(words)
    except ValueError as error:
        raise Usage(
            f"{words[:40]!r} is not a time.", hint="Write 2026-01-31T12:00:00Z; without a zone it is UTC."
        ) from error
    if not datetime(2011, 1, 1, tzinfo=UTC) <= (time if time.tzinfo else time.replace(tzinfo=UTC)):
        raise Usage("Stripe was not there then.", hint="Use a time from 2011 on.")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _secret() -> str:
    from azpay.settings.rules import SANDBOX_WEBHOOK_SECRET

    return SANDBOX_WEBHOOK_SECRET


class Start(NamedTuple):
    """Where the clock begins, and whether it stands there."""

    time: datetime | None
    stands: bool


def _engine(state: Path | None, seed: int, start: Start) -> Sandbox:
    engine = _opened(state, seed, start.time)
    if start.stands:
        engine.stop_clock()
    return engine


def _opened(state: Path | None, seed: int, starts: datetime | None) -> Sandbox:
    from azpay.sandbox import Sandbox
    from azpay.sandbox.clock import ClockGoesBack
    from azpay.sandbox.database import AnotherVersion, InUse, NotAState

    if state is None:
        return Sandbox(now=_now, seed=seed, starts=starts)
    try:
        return Sandbox.open(state, now=_now, seed=seed, starts=starts)
    except ClockGoesBack as error:
        raise Usage(str(error), hint="Leave --clock out, or name another state file.") from error
    except InUse as error:
        raise StateInUse(state) from error
    except AnotherVersion as error:
        raise StateUnreadable(
            f"Another version of azpay wrote {state}.", hint="Name another file, or remove this one."
        ) from error
    except NotAState as error:
        raise StateUnreadable(
            f"{state} does not hold a sandbox's state.", hint="Name another file, or remove this one."
        ) from error
    except OSError as error:
        raise StateUnwritable(state, error.strerror or str(error)) from error


def _now() -> datetime:
    from azpay.bootstrap import wall_clock

    return wall_clock()
