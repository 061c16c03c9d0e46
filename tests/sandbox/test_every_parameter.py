"""Every parameter of every endpoint, with values that it cannot take: always an answer, and Stripe's."""

from __future__ import annotations

import json
import os
from itertools import product
from typing import TYPE_CHECKING

import pytest

from azpay.sandbox.resources import ROUTES
from tests.sandbox.shop import Shop
from tests.sandbox.test_every_endpoint import EVERYTHING, answered, name, wrong

if TYPE_CHECKING:
    from azpay.sandbox.routing import Route

LONG = "LONG_TESTS" in os.environ
VALUES = ("", "x", "9" * 30)
MORE_VALUES = (
    " ",
    "-1",
    "\N{SNOWMAN}" * 5001,
    "0",
    "1",
    "1.5",
    "1e9",
    "true",
    "null",
    "{}",
    "usd",
    "pi_none",
    "pm_card_visa",
    "2000",
    "*",
)
ENDINGS = ("[]", "[x]", "[0][x]")
FORMS = [route for route in ROUTES if route.pattern.startswith("/v1/") and name(route) != "POST /v1/files"]
"""Files come as multipart, and the second version of the API takes JSON."""

ODD = {"": (*VALUES, *MORE_VALUES) if LONG else VALUES, **dict.fromkeys(ENDINGS, ("x",))}


@pytest.mark.parametrize("route", FORMS, ids=name)
def test_no_value_of_any_parameter_is_an_accident(route: Route) -> None:
    shop = Shop()
    ask = EVERYTHING[name(route)](shop)
    seen = set[tuple[str, ...]]()

    for parameter, (ending, values) in product(route.shape.readers, ODD.items()):
        for value in values:
            answer = answered(
                route, shop, ask._replace(params={**(ask.params or {}), parameter + ending: value})
            )
            shape = tuple(json.loads(answer.body).get("error", ()))
            assert answer.status < 500, (parameter, ending, value)
            assert shape in seen or answer.status == 200 or wrong(route, answer) == [], (parameter, value)
            seen.add(shape)


@pytest.mark.parametrize("route", [route for route in FORMS if route.shape.required], ids=name)
def test_what_is_missing_is_named(route: Route) -> None:
    shop = Shop()
    ask = EVERYTHING[name(route)](shop)

    for parameter in route.shape.required:
        without = {key: value for key, value in (ask.params or {}).items() if key.split("[")[0] != parameter}
        answer = answered(route, shop, ask._replace(params=without))
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"], error["param"]) == (400, "parameter_missing", parameter)
        assert error["message"] == f"Missing required param: {parameter}."
        assert error["doc_url"] == "https://stripe.com/docs/error-codes/parameter-missing"
