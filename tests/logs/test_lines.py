from __future__ import annotations

import logging
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay.logs import bound, configure, get_logger
from tests.logs.conftest import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

CANARIES = {
    "key": "sk_live_CANARYcanaryCANARY",
    "webhook": "whsec_CANARYcanary",
    "client": "pi_1_secret_CANARY1canary",
    "card": "4242 4242 4242 4242",
    "e-mail": "canary@example.com",
    "header": "Authorization: Bearer CANARY.canary",
}
TEXT = " / ".join(CANARIES.values())
TRACES = ("CANARY", "canary@", "4242")


class Canary:
    def __str__(self) -> str:
        return TEXT

    __repr__ = __str__


class Broken:
    def __str__(self) -> str:
        raise RuntimeError(TEXT)


def raise_canary() -> None:
    local = TEXT
    try:
        int(local)
    except ValueError as cause:
        raise KeyError(TEXT) from cause


log = get_logger("azpay.tests")


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "say",
    [
        lambda: log.info(TEXT),
        lambda: log.info("said", value=TEXT),
        lambda: log.info("said", nested={"a": [{"b": (TEXT, {TEXT})}], TEXT: 1}),
        lambda: log.info("said", value=TEXT.encode(), other=bytearray(TEXT.encode())),
        lambda: log.info("said", thing=Canary(), card=4242424242424242),
        lambda: log.info("said", password="CANARY", nested={"client_secret": "CANARY", "token": b"CANARY"}),
        lambda: log.info("said", **{TEXT: 1}),
        lambda: logging.getLogger("other").warning("formatted %s %r", TEXT, Canary()),
        lambda: logging.getLogger("other").warning("extra", extra={"customer": {"email": TEXT}}),
        lambda: logging.getLogger("other").warning("stack %s", TEXT, stack_info=True),
    ],
)
def test_no_canary_is_logged(style: str, say: Callable[[], None]) -> None:
    stream = Lines()
    configure(style, "debug", stream, colors=False)

    say()

    assert stream.getvalue().count("\n") >= 1
    assert not [trace for trace in TRACES if trace in stream.getvalue()]


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("logger", [log, logging.getLogger("other")])
def test_an_exception_is_logged_without_secrets_or_local_variables(
    style: str, logger: logging.Logger
) -> None:
    stream = Lines()
    configure(style, "debug", stream, colors=False)

    try:
        raise_canary()
    except KeyError:
        logger.exception("charge_failed")

    assert "ValueError" in stream.getvalue()
    assert "raise_canary" in stream.getvalue()
    assert not [trace for trace in TRACES if trace in stream.getvalue()]


def test_a_line_says_what_when_and_who(lines: Lines) -> None:
    log.info("payment_recorded", payment="pay_1", amount=1250, live=False, reason=None, share=0.5)

    (event,) = lines.events()
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "payment_recorded",
        "level": "info",
        "logger": "azpay.tests",
        "payment": "pay_1",
        "amount": 1250,
        "live": False,
        "reason": None,
        "share": 0.5,
    }


def test_the_standard_librarys_lines_look_like_ours(lines: Lines) -> None:
    logging.getLogger("somewhere").warning("took %d ms", 5, extra={"request": "req_1"})

    (event,) = lines.events()
    assert (event["event"], event["level"], event["logger"]) == ("took 5 ms", "warning", "somewhere")
    assert event["request"] == "req_1"


def test_what_is_bound_stands_in_every_line_of_the_context(lines: Lines) -> None:
    with bound(request_id="req_1", customer="canary@example.com"):
        log.info("inside")
        logging.getLogger("other").info("inside too")
    log.info("outside")

    first, second, third = lines.events()
    assert first["request_id"] == second["request_id"] == "req_1"
    assert first["customer"] == second["customer"] == "[e-mail]"
    assert "request_id" not in third


def test_unusual_values_are_written_plainly(lines: Lines) -> None:
    deep: list[object] = []
    for _ in range(20):
        deep = [deep]

    log.info("said", path=Path("/srv"), amount=Decimal("1.50"), broken=Broken(), huge=10**100, deep=deep)
    log.info("said", long="x" * 20_000, raw=b"\xff\x00")

    first, second = lines.events()
    assert (first["path"], first["amount"]) == ("/srv", "1.50")
    assert first["broken"] == "[a Broken that cannot be written]"
    assert first["huge"] == "[a very large number]"
    assert "[too deep]" in str(first["deep"])
    assert second["long"].endswith("x [and 3616 characters more]")
    assert second["raw"] == "\\xff\\x00"


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_value_can_forge_a_line(style: str) -> None:
    stream = Lines()
    configure(style, "debug", stream, colors=False)
    forged = "x\r\n2026-01-01T00:00:00Z [info] paid\x1b[2K\u2028\u202e"

    log.info(forged, value=forged, **{forged: "name"})

    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue().removesuffix("\n").isprintable()


def test_a_traceback_on_a_terminal_is_set_apart_from_the_lines(console: Lines) -> None:
    forged = "x\n2026-01-01T00:00:00Z [info] paid\x1b[2K"

    try:
        int(forged)
    except ValueError as error:
        error.add_note(forged)
        log.exception("charge_failed", level="ours")

    first, *rest = console.getvalue().splitlines()
    assert "charge_failed" in first
    assert all(line.startswith("  | ") for line in rest)
    assert "\x1b" not in console.getvalue()


def test_a_traceback_in_json_keeps_its_lines(lines: Lines) -> None:
    try:
        raise_canary()
    except KeyError:
        log.exception("charge_failed")

    (event,) = lines.events()
    assert event["level"] == "error"
    assert len(event["exception"].splitlines()) > 5


@pytest.mark.parametrize(("terminal", "first"), [(True, "2026"), (False, "{")])
def test_auto_is_console_on_a_terminal_and_json_elsewhere(terminal: bool, first: str) -> None:
    stream = Lines(terminal=terminal)
    configure("auto", "info", stream, colors=False)

    log.info("started")

    assert stream.getvalue().startswith("{") is not terminal


def test_colors_are_for_terminals_only() -> None:
    terminal, pipe = Lines(terminal=True), Lines()

    for stream in (terminal, pipe):
        configure("console", "info", stream)
        log.info("started")

    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in pipe.getvalue()


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    configure("json", "warning", lines)

    log.debug("no")
    log.info("no")
    log.warning("yes")
    log.error("yes")

    assert [event["level"] for event in lines.events()] == ["warning", "error"]


def test_configuring_again_moves_the_lines_rather_than_doubling_them(lines: Lines) -> None:
    second = Lines()
    configure("json", "info", second)

    log.info("moved")

    assert lines.getvalue() == ""
    assert len(second.events()) == 1


@pytest.mark.parametrize(
    ("logger", "level"),
    [
        ("stripe", "debug"),
        ("stripe", "info"),
        ("httpx", "info"),
        ("httpcore", "debug"),
        ("httpcore.connection", "debug"),
        ("aiohttp.access", "critical"),
        ("sqlalchemy.engine.Engine", "info"),
    ],
)
def test_libraries_that_log_bodies_and_rows_are_kept_above_that(
    lines: Lines, logger: str, level: str
) -> None:
    getattr(logging.getLogger(logger), level)("body")

    assert lines.getvalue() == ""


def test_what_stripe_warns_of_is_kept(lines: Lines) -> None:
    logging.getLogger("stripe").warning("This version of the API is about to end")

    assert [event["logger"] for event in lines.events()] == ["stripe"]


def test_a_closed_stream_does_not_end_what_is_logged(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    lines.close()

    log.info("said", key=TEXT)

    assert capsys.readouterr() == ("", "")


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)


def test_structlog_is_imported_only_for_a_line_that_is_written() -> None:
    quiet = "from azpay.logs import get_logger; get_logger('x').info('not written')"

    told = run(f"{quiet}; import sys; print('structlog' in sys.modules)")

    assert told.stdout.strip() == "False"


def test_before_anything_is_configured_warnings_go_to_stderr_and_are_scrubbed() -> None:
    told = run("from azpay.logs import get_logger; get_logger('x').warning('said', key='sk_live_CANARY')")

    assert told.stdout == ""
    assert '"event": "said"' in told.stderr
    assert "CANARY" not in told.stderr


def test_a_line_that_cannot_be_formatted_is_reported_without_its_arguments() -> None:
    told = run(
        "import logging, sys; from azpay.logs import configure; configure('json', 'info', sys.stderr)\n"
        "logging.getLogger('other').warning('%d', 'sk_live_CANARY')"
    )

    assert told.stderr == "log_line_lost logger='other' error=TypeError\n"
