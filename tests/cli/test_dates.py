from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from azpay import errors
from azpay.cli.dates import Period, in_utc, moment, period, shown, zone

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)  # in Berlin, three days after clocks went forward


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "begins"),
    [
        ("now", "2026-04-01 10:00"),
        ("today", "2026-03-31 22:00"),
        ("Yesterday", "2026-03-30 22:00"),
        ("this-month", "2026-03-31 22:00"),
        ("last-month", "2026-02-28 23:00"),
        ("2026-01-31", "2026-01-30 23:00"),
        (" 2026-07-31 ", "2026-07-30 22:00"),
        ("2026-07", "2026-06-30 22:00"),
        ("2026-01-31T14:30", "2026-01-31 13:30"),
        ("2026-01-31 14:30:15", "2026-01-31 13:30:15"),
        ("2026-01-31T14:30Z", "2026-01-31 14:30"),
        ("2026-01-31T14:30-05:00", "2026-01-31 19:30"),
        ("24h", "2026-03-31 10:00"),
        ("1d", "2026-03-31 10:00"),
        ("2w", "2026-03-18 11:00"),
        ("0d", "2026-04-01 10:00"),
    ],
)
def test_what_people_type_is_a_moment_in_their_zone(typed: str, begins: str) -> None:
    found = moment(typed, now=NOON, zone=BERLIN)

    assert found == utc(begins)
    assert found.tzinfo is UTC


def test_days_are_counted_on_the_calendar_and_hours_on_the_clock() -> None:
    days = moment("7d", now=NOON, zone=BERLIN)
    hours = moment("168h", now=NOON, zone=BERLIN)

    assert shown(days, BERLIN) == "2026-03-25 12:00"
    assert shown(hours, BERLIN) == "2026-03-25 11:00"


def test_today_depends_on_where_one_is() -> None:
    late = utc("2026-04-01 23:30")

    assert moment("today", now=late, zone=BERLIN) == utc("2026-04-01 22:00")
    assert moment("today", now=late, zone=ZoneInfo("UTC")) == utc("2026-04-01 00:00")


def test_last_month_in_january_is_december() -> None:
    found = moment("last-month", now=utc("2026-01-15 12:00"), zone=ZoneInfo("UTC"))

    assert found == utc("2025-12-01 00:00")


def test_a_day_without_midnight_begins_when_its_clock_begins() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 2024-03-31 began at one o'clock

    found = moment("2024-03-31", now=NOON, zone=beirut)

    assert shown(found, beirut) == "2024-03-31 01:00"
    assert found == utc("2024-03-30 22:00")


def test_a_day_with_two_midnights_begins_at_the_first() -> None:
    found = moment("2024-11-03", now=NOON, zone=ZoneInfo("America/Havana"))

    assert found == utc("2024-11-03 04:00")


def test_the_day_of_a_clock_change_is_as_long_as_it_is() -> None:
    short = period("2026-03-29", "2026-03-30", now=NOON, zone=BERLIN)
    long = period("2026-10-25", "2026-10-26", now=NOON, zone=BERLIN)

    assert hours(short) == 23
    assert hours(long) == 25


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("2026-03-29T02:30", "does not exist in Europe/Berlin"),
        ("2026-10-25T02:30", "comes twice in Europe/Berlin"),
    ],
)
def test_a_time_that_is_missing_or_comes_twice_needs_its_offset(typed: str, reason: str) -> None:
    with pytest.raises(errors.Usage, match=reason):
        moment(typed, now=NOON, zone=BERLIN)

    assert moment(f"{typed}+01:00", now=NOON, zone=BERLIN).minute == 30


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "tomorrow-ish",
        "7m",
        "d",
        "-7d",
        "1.5d",
        "999999d",
        "9999999d",
        "2026-13-01",
        "2026-02-30",
        "2026-1-1",
        "31.01.2026",
        "01/31/2026",
        "2026-01-31T25:00",
        "0001-01-01",
        "\u0662\u0660\u0662\u0666-01-01",
        "\u0667d",
    ],
)
def test_anything_else_is_refused_with_the_forms_that_are_read(typed: str) -> None:
    with pytest.raises(errors.Usage) as refused:
        moment(typed, now=NOON, zone=BERLIN)

    assert refused.value.code == "not_a_date"
    assert refused.value.hint is not None
    assert "last-month" in refused.value.hint


def test_yesterday_until_today_is_yesterday() -> None:
    found = period("yesterday", "today", now=NOON, zone=BERLIN)

    assert found == Period(utc("2026-03-30 22:00"), utc("2026-03-31 22:00"))


def test_a_period_may_be_open() -> None:
    found = period(None, "today", now=NOON, zone=BERLIN)

    assert found == Period(None, utc("2026-03-31 22:00"))


@pytest.mark.parametrize(("since", "until"), [("today", "today"), ("2026-02-01", "2026-01-01"), ("1h", "2h")])
def test_an_empty_period_is_refused(since: str, until: str) -> None:
    with pytest.raises(errors.Usage, match="The period is empty"):
        period(since, until, now=NOON, zone=BERLIN)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "a\x00b", "Europe"]
)
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(errors.Usage, match="There is no time zone"):
        zone(name)


def test_programs_read_times_in_utc() -> None:
    written = in_utc(datetime(2026, 4, 1, 12, 0, 5, tzinfo=BERLIN))

    assert written == "2026-04-01T10:00:05Z"


def hours(of: Period) -> float:
    assert of.since is not None
    assert of.until is not None
    return (of.until - of.since).total_seconds() / 3600
