"""What people type for a moment in time.

A word or a date stands for the moment at which it begins, in the zone the person lives in; periods are
half-open, so `--since yesterday --until today` is yesterday, the whole of it and nothing else. Days are
counted on the calendar: `7d` before noon is noon seven days ago, also when clocks changed between. Hours are
counted on the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from azpay import errors

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = "2026-01-31, 2026-01-31T14:30, 2026-01, today, yesterday, 7d, 24h, 2w, this-month, last-month"

_AGO = re.compile(r"([0-9]{1,6})([hdw])")
_SPAN = re.compile(r"([0-9]{1,5})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class NotADate(errors.Usage):
    code = "not_a_date"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a date or time that azpay reads.", hint=f"Write it as one of: {FORMS}."
        )


class NotASpan(errors.Usage):
    code = "not_a_span"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a length of time.", hint="Write it as 30d, 2w or 24h.")


class NoSuchZone(errors.Usage):
    code = "no_such_zone"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no time zone {name!r}.", hint="Name it as in Europe/Berlin, or UTC.")


class ClockChange(errors.Usage):
    """On the night a clock changes, an hour is missing or comes twice."""

    code = "clock_change"

    def __init__(self, text: str, zone: tzinfo, *, happens: str) -> None:
        super().__init__(
            f"{text} {happens} in {zone}: the clock changes there.",
            hint=f"Say which moment is meant with its offset, such as {text}+00:00.",
        )


class EmptyPeriod(errors.Usage):
    code = "empty_period"

    def __init__(self, since: str, until: str) -> None:
        super().__init__(
            f"The period is empty: {since} is not before {until}.",
            hint="A period includes its beginning and not its end.",
        )


class Period(NamedTuple):
    """Half-open, [since, until), in UTC; None means without end on that side."""

    since: datetime | None
    until: datetime | None


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise NoSuchZone(name) from None


def period(since: str | None, until: str | None, *, now: datetime, zone: tzinfo) -> Period:
    begins = None if since is None else moment(since, now=now, zone=zone)
    ends = None if until is None else moment(until, now=now, zone=zone)
    if begins is not None and ends is not None and begins >= ends:
        raise EmptyPeriod(str(since), str(until))
    return Period(begins, ends)


def moment(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The moment at which what was typed begins, in UTC."""
    typed = text.strip()
    try:
        found = _named(typed.lower(), now.astimezone(zone)) or _ago(typed, now, zone) or _written(typed, zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotADate(text) from None


def span(text: str) -> timedelta:
    """How long: `24h`, `30d`, `2w`. A day has twenty-four hours here."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise NotASpan(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def shown(when: datetime, zone: tzinfo) -> str:
    """For people: `2026-01-31 14:30` in their zone."""
    return when.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def in_utc(when: datetime) -> str:
    """For programs: `2026-01-31T13:30:00Z`."""
    here = when if when.tzinfo is UTC else when.astimezone(UTC)  # exports ask for millions that are
    return here.isoformat().replace("+00:00", "Z")


def _named(word: str, here: datetime) -> datetime | None:
    begins = NAMES.get(word)
    return begins(here) if begins else None


def _midnight(here: datetime, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=here.tzinfo)


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


NAMES: dict[str, Callable[[datetime], datetime]] = {
    "now": lambda here: here,
    "today": lambda here: _midnight(here, here.date()),
    "yesterday": lambda here: _midnight(here, here.date() - timedelta(days=1)),
    "this-month": lambda here: _midnight(here, here.date().replace(day=1)),
    "last-month": lambda here: _midnight(here, _month_before(here.date())),
}


def _ago(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    found = _AGO.fullmatch(text.lower())
    if found is None:
        return None
    count, unit = int(found[1]), found[2]
    if unit == "h":
        return now - timedelta(hours=count)
    days = timedelta(days=count) if unit == "d" else timedelta(weeks=count)
    return now.astimezone(zone) - days


def _written(text: str, zone: tzinfo) -> datetime:
    if _MONTH.fullmatch(text):
        text += "-01"
    if "T" not in text.upper() and " " not in text:
        return datetime.combine(date.fromisoformat(text), time.min, tzinfo=zone)
    written = datetime.fromisoformat(text)
    return written if written.tzinfo is not None else _local(text, written, zone)


def _local(text: str, written: datetime, zone: tzinfo) -> datetime:
    first, second = written.replace(tzinfo=zone, fold=0), written.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    gap = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != written
    raise ClockChange(text, zone, happens="does not exist" if gap else "comes twice")
