"""What anyone who reaches the port gets to see, whatever they send."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.http.conftest import running
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from datetime import datetime

    import aiohttp

    from azpay.bootstrap import Azpay
    from tests.http.conftest import Serving


async def test_what_is_not_there_is_a_problem_with_a_code(serving: Serving) -> None:
    async with serving() as client:
        answer = await client.get("/nowhere")
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 404
    assert problem == {
        "title": "Not Found",
        "status": 404,
        "detail": "Nothing matches the given URI",
        "code": "not_found",
        "request_id": answer.headers["X-Request-Id"],
    }


async def test_another_method_is_told_which_one_is_meant(serving: Serving) -> None:
    async with serving() as client:
        answer = await client.get(PATH)

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("order-1001.retry:2", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("two words", False),
        ("<script>", False),
        ("é", False),
    ],
)
async def test_a_request_id_comes_back_if_it_can_do_no_harm(
    serving: Serving, given: str, taken: bool
) -> None:
    async with serving() as client:
        answer = await client.get("/healthz", headers={"X-Request-Id": given})

    returned = answer.headers["X-Request-Id"]
    assert (returned == given) is taken
    assert taken or returned.startswith("req_")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NOT HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
    ids=["TLS", "words", "a long header", "two lengths", "a negative length", "a bad name", "bad chunks"],
)
async def test_what_is_not_http_is_refused_in_one_line_of_the_log(
    serving: Serving, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as client:
        answer = await told(client, sent)

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in answer
    assert b"Traceback" not in answer
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_head_that_trickles_in_is_cut_off(serving: Serving) -> None:
    async with serving(idle=0.3) as client:
        reader, writer = await connection(client)
        writer.write(b"POST / HTTP/1.1\r\n")
        async with asyncio.timeout(5):
            trickle = asyncio.create_task(trickling(writer))
            answer = await reader.read()
        trickle.cancel()
        writer.close()

    assert answer == b""


async def test_a_connection_that_says_nothing_is_cut_off(serving: Serving) -> None:
    async with serving(idle=0.3) as client:
        reader, writer = await connection(client)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()

    assert answer == b""


async def test_a_body_that_does_not_come_is_not_waited_for(serving: Serving) -> None:
    async with serving(body=0.2, lingering=0.1) as client:
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        answer = await told(client, head.encode() + b"half of it")

    assert answer.startswith(b"HTTP/1.1 408 ")


SLOW = {
    "half a head": b"POST / HTTP/1.1\r\nHost: a\r\nX-",
    "half a body": f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{{".encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
async def test_slow_clients_do_not_hold_up_a_healthy_one(serving: Serving, sent: bytes) -> None:
    body = encoded(an_event())
    async with serving() as client:
        slow = [await connection(client) for _ in range(200)]
        for _, writer in slow:
            writer.write(sent)
        async with asyncio.timeout(2):
            answer = await client.post(PATH, data=body, headers=signed(body))
        for _, writer in slow:
            writer.close()

    assert answer.status == 200


async def test_a_refused_request_is_logged_without_what_it_carried(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving() as client:
        await client.post(f"{PATH}?token=tok_canary", data=b"body_canary", headers={"X-Request-Id": "abc"})

    (line,) = [record for record in caplog.records if "request_refused" in str(record.msg)]
    assert "abc" in str(line.msg)
    assert "signature_invalid" in str(line.msg)
    assert "canary" not in caplog.text


async def test_a_bug_of_ours_is_answered_without_its_details_and_logged_with_them(
    azpay: Azpay, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> datetime:
        raise ZeroDivisionError("canary")

    async with running(replace(azpay, now=broken_clock)) as client:
        answer = await client.post(PATH, data=b"{}", headers={"X-Request-Id": "abc"})
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["code"], problem["request_id"]) == (500, "internal", "abc")
    assert "canary" not in str(problem)
    assert "ZeroDivisionError" in caplog.text


async def connection(client: aiohttp.ClientSession) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    base = client._base_url
    assert base is not None
    return await asyncio.open_connection(base.host, base.port)


async def told(client: aiohttp.ClientSession, sent: bytes) -> bytes:
    """The answer to these bytes, until the daemon hangs up."""
    reader, writer = await connection(client)
    writer.write(sent)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def trickling(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"X: y\r\n")
        await asyncio.sleep(0.05)
