"""What a browser sees, and what a program gets at the same address."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.sandbox.servers import HEADERS, ask, eventually, running

if TYPE_CHECKING:
    from tests.sandbox.servers import Running

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def look(http: aiohttp.ClientSession, server: Running) -> str:
    async with http.get(await server.url("/"), headers=BROWSER) as answer:
        assert answer.status == 200
        return await answer.text()


async def pay(http: aiohttp.ClientSession, server: Running, **form: str) -> str:
    payment = {
        "amount": "1999",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    made = await ask(http, await server.url("/v1/payment_intents"), **payment, **form)
    return str(made["id"])


async def test_the_page_shows_what_was_asked_what_there_is_and_who_was_told() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        server.sandbox.subscribe("http://127.0.0.1:9/hook", secret="whsec_known")
        payment = await pay(http, server)
        await http.get(await server.url("/v1/charges/ch_no"), headers=HEADERS)
        await eventually(lambda: len(server.said("webhook_posted")) >= 3)
        page = await look(http, server)

    assert await server.url() in page
    assert f'<a href="/_sandbox/objects/{payment}">' in page
    assert "USD 19.99" in page
    assert "/v1/charges/ch_no" in page
    assert "resource_missing" in page
    assert "charge.succeeded" in page
    assert "no answer" in page


async def test_a_link_leads_to_the_object_for_people_to_read() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        payment = await pay(http, server)
        event = server.sandbox.events[-1]["id"]
        for identifier in (payment, event):
            async with http.get(await server.url(f"/_sandbox/objects/{identifier}")) as answer:
                assert answer.content_type == "application/json"
                assert (await answer.json())["id"] == identifier
                assert '\n  "object"' in await answer.text()


@pytest.mark.parametrize("identifier", ["pi_no", "%3Cscript%3E", "x" * 3000])
async def test_what_is_not_there_is_not_found(identifier: str) -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as http,
        http.get(await server.url(f"/_sandbox/objects/{identifier}")) as answer,
    ):
        assert answer.status == 404
        assert answer.content_type == "application/json"


@pytest.mark.parametrize("accept", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
async def test_a_program_gets_stripes_answer_there(accept: dict[str, str]) -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as http,
        http.get(await server.url("/"), headers=HEADERS | accept) as answer,
    ):
        told = await answer.json()

    assert answer.status == 404
    assert told["error"]["message"].startswith("Unrecognized request URL (GET: /).")


async def test_nothing_that_came_from_outside_is_markup() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        await http.get(await server.url("/v1/<script>alert(1)</script>"), headers=HEADERS)
        await ask(http, await server.url("/v1/customers"), name="<img src=x>")
        page = await look(http, server)

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page or "%3Cscript%3E" in page


async def test_the_browser_may_load_nothing_and_run_nothing() -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as http,
        http.get(await server.url("/"), headers=BROWSER) as answer,
    ):
        policy, page = answer.headers["Content-Security-Policy"], await answer.text()

    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    assert "http://" not in page.replace(await server.url(), "")
    assert not re.search(r"<(script|link|img|iframe)|style=", page)


async def test_looking_changes_nothing() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        await look(http, server)
        before = server.sandbox.snapshot()

        await look(http, server)

        assert server.sandbox.snapshot() == before


async def test_the_page_remembers_the_last_requests_only() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        url = await server.url("/v1/balance")
        for number in range(60):
            async with http.get(f"{url}/{number}x", headers=HEADERS):
                pass
        page = await look(http, server)

    assert "/v1/balance/59x" in page
    assert "/v1/balance/9x" not in page
