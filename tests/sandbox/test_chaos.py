"""Trouble by chance, and the same trouble for the same seed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Lost, Sandbox
from azpay.sandbox.chaos import (
    PROFILES,
    ChaosUnreadable,
    Profile,
    checked_profile,
    known_profile,
    read_profile,
)
from azpay.sandbox.control import control
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMERS = "/v1/customers"


def fate(sandbox: Sandbox, path: str = CUSTOMERS, method: str = "GET") -> str:
    """What one request met."""
    try:
        answer = get(sandbox, path) if method == "GET" else post(sandbox, path)
    except Lost as lost:
        return f"lost, {lost.effect}, {lost.after:.1f}"
    return f"{answer.status}, {answer.delay:.1f}, {answer.arriving is None}"


def in_chaos(profile: Profile) -> Sandbox:
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.follow(profile)
    return sandbox


@pytest.mark.parametrize(("name", "least", "most"), [("calm", 0, 0), ("mild", 20, 90), ("storm", 300, 450)])
def test_a_profile_spoils_its_share_of_requests(name: str, least: int, most: int) -> None:
    sandbox = in_chaos(known_profile(name, seed=3))

    well = Counter(fate(sandbox) for _ in range(1000))["200, 0.0, True"]

    assert least <= 1000 - well <= most


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_brings_the_same_faults(seed: int) -> None:
    first, second = (in_chaos(known_profile("storm", seed=seed)) for _ in range(2))

    assert [fate(first) for _ in range(200)] == [fate(second) for _ in range(200)]


def test_another_seed_brings_other_faults() -> None:
    first, second = (in_chaos(known_profile("storm", seed=seed)) for seed in (1, 2))

    assert [fate(first) for _ in range(200)] != [fate(second) for _ in range(200)]


def test_chaos_goes_on_after_a_restart() -> None:
    whole, halved = (in_chaos(known_profile("storm", seed=5)) for _ in range(2))
    expected = [fate(whole) for _ in range(200)]
    before = [fate(halved) for _ in range(100)]

    restored = Sandbox.restore(halved.snapshot(), now=lambda: NOON)

    assert before + [fate(restored) for _ in range(100)] == expected


def test_a_strike_keeps_to_its_path_and_method() -> None:
    profile = checked_profile({"strike": [{"fault": "503", "share": 1, "path": CUSTOMERS, "method": "POST"}]})
    sandbox = in_chaos(profile)

    assert fate(sandbox, CUSTOMERS, "POST").startswith("503")
    assert fate(sandbox, CUSTOMERS).startswith("200")
    assert fate(sandbox, "/v1/refunds").startswith("200")


def test_the_client_gets_through_a_storm_without_charging_twice() -> None:
    sandbox = in_chaos(known_profile("storm", seed=11))
    body = {"amount": "500", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    body["return_url"] = "https://shop.example"

    for order in range(50):
        for _ in range(20):
            try:
                post(sandbox, "/v1/payment_intents", body, idempotency_key=f"order-{order}")
            except Lost:
                continue

    assert len(sandbox.charges) <= 50


def test_a_file_says_what_is_to_happen(tmp_path: Path) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text(
        """
        seed = 9

        [[strike]]
        fault = "latency"
        share = 0.25
        seconds = 1.5

        [[strike]]
        fault = "500-effect"
        share = 0.5
        path = "/v1/refunds"
        method = "POST"
        """
    )

    profile = read_profile(file, seed=4)

    assert profile.seed == 9
    assert [(strike.fault, str(strike.share)) for strike in profile.strike] == [
        ("latency", "0.25"),
        ("500-effect", "0.5"),
    ]
    assert profile.strike[0].seconds == 1.5


def test_a_file_without_a_seed_takes_the_one_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text("")

    assert read_profile(file, seed=4).seed == 4


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[strike]", "is not TOML"),
        ('[[strike]]\nfault = "503"', "required field `share`"),
        ('[[strike]]\nfault = "503"\nshare = 2', "strike 1: the share 2 is not between 0 and 1"),
        ('[[strike]]\nfault = "503"\nshare = nan', "the share NaN is not between"),
        ('[[strike]]\nfault = "503"\nshare = true', "share"),
        ('[[strike]]\nfault = "explode"\nshare = 0.1', "strike 1: no fault 'explode'. Known are 429,"),
        ('[[strike]]\nfault = "503"\nshare = 0.1\nseconds = 3', "The fault 503 takes no seconds"),
        ('[[strike]]\nfault = "latency"\nshare = 0.1\nseconds = 1000', "at most 600 seconds"),
        ('[[strike]]\nfault = "503"\nshare = 0.1\ncolour = 1', "unknown field `colour`"),
        ('[[strike]]\nfault = "503"\nshare = 0.6\n' * 2, "add up to 1.2"),
        ("strike = 7", "strike"),
        ('seed = "x"', "seed"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text(content)

    with pytest.raises(ChaosUnreadable) as refused:
        read_profile(file)

    assert str(file) in str(refused.value)
    assert complaint in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "chaos.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ChaosUnreadable, match=r"chaos\.toml (cannot be read|is not TOML)"):
        read_profile(file)


def test_every_known_profile_is_one_that_may_be_followed() -> None:
    for strikes in PROFILES.values():
        assert sum(strike.share for strike in strikes) <= 1


def order(sandbox: Sandbox, **fields: Any) -> tuple[int, dict[str, Any]]:
    return control(sandbox, "POST", "/_sandbox/chaos", json.dumps(fields).encode())


def test_chaos_is_ordered_in_json(sandbox: Sandbox) -> None:
    assert order(sandbox, strike=[{"fault": "503", "share": 1}])[0] == 200
    assert get(sandbox, CUSTOMERS).status == 503

    assert order(sandbox, profile="storm", seed=2)[0] == 200
    assert order(sandbox)[0] == 200
    assert get(sandbox, CUSTOMERS).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"profile": "hurricane"},
        {"profile": "mild", "strike": [{"fault": "503", "share": 1}]},
        {"strike": [{"fault": "503"}]},
        {"strike": [{"fault": "503", "share": 7}]},
        {"strike": 7},
        {"colour": "red"},
    ],
)
def test_a_wrong_order_for_chaos_is_explained(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    status, answer = order(sandbox, **fields)

    assert status == 400
    assert answer["error"]
