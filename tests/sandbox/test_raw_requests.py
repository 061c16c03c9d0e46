"""Bytes that no client sends by accident, over a real socket: an answer that says so, or none, and no bug."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpay.sandbox.answering import MAX_BODY
from tests.sandbox.serving import AUTHORIZED, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "LONG_TESTS" in os.environ
NAMELESS = b"Connection: close\r\nAuthorization: Bearer "
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


def posting(headers: bytes, body: bytes = b"", path: bytes = b"/v1/customers") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + AUTHORIZED + headers + b"\r\n" + body


def sized(body: bytes, headers: bytes = FORM) -> bytes:
    return posting(headers + b"Content-Length: %d\r\n" % len(body), body)


MALICE: dict[str, tuple[bytes, set[int | None]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),
    "an old request": (b"GET /v1/customers\r\n\r\n", {401}),
    "a version to come": (b"GET /v1/customers HTTP/9.9\r\n" + AUTHORIZED + b"\r\n", {400}),
    "a method of its own": (b"BREW /v1/customers HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400, 404}),
    "a huge address": (b"GET /v1/" + b"a" * 70_000 + b" HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400}),
    "a huge header": (posting(b"X-Large: " + b"a" * 70_000 + b"\r\n"), {400}),
    "a thousand headers": (posting(b"".join(b"X-%d: a\r\n" % n for n in range(1000))), {400}),
    "a null byte in a header": (posting(b"X-Null: a\x00b\r\n"), {400}),
    "a space before the colon": (posting(b"Content-Length : 3\r\n", b"a=1"), {400}),
    "a folded header": (posting(b"X-Folded: a\r\n b\r\n"), {400}),
    "a header without a colon": (posting(b"nonsense\r\n"), {400}),
    "two lengths": (posting(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"a=1&"), {400}),
    "a negative length": (posting(b"Content-Length: -3\r\n", b"a=1"), {400}),
    "a signed length": (posting(b"Content-Length: +3\r\n", b"a=1"), {400}),
    "a length in words": (posting(b"Content-Length: three\r\n", b"a=1"), {400}),
    "a length and chunks": (
        posting(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        {400},
    ),
    "an unknown transfer": (posting(b"Transfer-Encoding: cow\r\n", b"a=1"), {400}),
    "chunks that are none": (posting(b"Transfer-Encoding: chunked\r\n", b"xyz\r\n\r\n"), {400, None}),
    "chunks cut off": (posting(b"Transfer-Encoding: chunked\r\n", b"10\r\nname="), {400, None}),
    "a body cut off": (posting(b"Content-Length: 100\r\n", b"name="), {400, None}),
    "a large body": (sized(b"a=" + b"a" * MAX_BODY), {413}),
    "a large body in chunks": (
        posting(b"Transfer-Encoding: chunked\r\n", b"100000\r\n%b\r\n" % (b"a" * 0x100000) + b"3\r\na=1\r\n"),
        {413},
    ),
    "a packed body": (sized(b"\x1f\x8b\x08", FORM + b"Content-Encoding: gzip\r\n"), {400}),
    "JSON": (sized(b'{"name": "Ada"}', b"Content-Type: application/json\r\n"), {400}),
    "a form with files": (sized(b"--x--", b"Content-Type: multipart/form-data; boundary=x\r\n"), {400}),
    "plain text": (sized(b"name=Ada", b"Content-Type: text/plain\r\n"), {400}),
    "bytes that are no text": (sized(b"name=%ff%fe"), {400}),
    "raw bytes that are no text": (sized(b"name=\xff\xfe"), {400}),
    "an escape cut off": (sized(b"name=%4"), {400}),
    "an escape that is none": (sized(b"name=%zz"), {400}),
    "a null byte": (sized(b"name=%00"), {400}),
    "a parameter twice": (sized(b"name=Ada&name=Bob"), {400}),
    "a hash that is a string": (sized(b"address=x&address[city]=y"), {400}),
    "ten thousand parameters": (sized(b"&".join(b"metadata[k%d]=v" % n for n in range(10_000))), {400}),
    "a deep parameter": (sized(b"metadata" + b"[a]" * 5_000 + b"=1"), {400}),
    "a broken query": (b"GET /v1/customers?limit=%zz HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400}),
    "a query that is no text": (b"GET /v1/customers?limit=%ff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400}),
    "a raw query that is no text": (b"GET /v1/customers?a=\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400}),
    "an address that is no text": (b"GET /v1/\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400, 404}),
    "an id that is no text": (b"GET /v1/charges/%ff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400, 404}),
    "a key that is no text": (b"GET /v1/account HTTP/1.1\r\n" + NAMELESS + b"\xff\r\n\r\n", {400, 401}),
    "an idempotency key that is no text": (posting(b"Idempotency-Key: \xff\r\n"), {400}),
    "an idempotency key of a strange script": (posting("Idempotency-Key: ключ\r\n".encode()), {400}),
    "an idempotency key that is too long": (posting(b"Idempotency-Key: " + b"k" * 256 + b"\r\n"), {400}),
    "an empty idempotency key": (posting(b"Idempotency-Key: \r\n"), {400}),
    "a version that is no text": (posting(b"Stripe-Version: \xff\r\n"), {400}),
    "a version of a strange script": (posting("Stripe-Version: версия\r\n".encode()), {400}),
    "a fault that is no text": (posting(b"X-Sandbox-Fault: \xff\r\n"), {400}),
    "an account that is no text": (posting(b"Stripe-Account: \xff\r\n"), {400, 403}),
    "an order that is no text": (b"POST /_sandbox/\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", {400, 404}),
    "an order that is no JSON": (
        b"POST /_sandbox/faults HTTP/1.1\r\n" + AUTHORIZED + b"Content-Length: 2\r\n\r\n\xff{",
        {400},
    ),
}  # fmt: skip


@pytest.mark.parametrize("malice", MALICE)
def test_malice_is_answered_and_changes_nothing(server: Served, malice: str) -> None:
    raw, allowed = MALICE[malice]
    before = len(server.sandbox.customers)

    status = server.status(raw, cut_off=None in allowed)

    assert status in allowed
    assert len(server.sandbox.customers) == before
    assert server.failures() == []


def test_a_second_request_in_a_body_is_not_one(server: Served) -> None:
    smuggled = b"GET /v1/account HTTP/1.1\r\n" + AUTHORIZED + b"\r\n"

    answer = server.exchange(sized(smuggled))

    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_is_no_http_is_told_in_json(server: Served) -> None:
    answer = server.exchange(posting(b"nonsense\r\n"))

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"


PIECES = (
    *(b"GET", b"POST", b"/v1/customers", b"/v1/charges/ch_1", b"HTTP/1.1", b"?limit=1", b"a=1", b"[]=", b"%"),
    *(b" ", b"\r\n", b"\n", b":", b"5\r\n", b"0\r\n\r\n", b"Host: x", b"Content-Length: 5", AUTHORIZED, FORM),
    *(b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close", b"Upgrade: websocket"),
)  # fmt: skip
LINES = st.sampled_from(PIECES)
BYTES = st.lists(LINES | st.binary(max_size=6), max_size=25).map(b"".join)
BODIES = st.lists(
    st.sampled_from([b"name", b"=", b"&", b"[", b"]", b"%", b"%5B", b"metadata", b"\xff", b"%00"]),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(body=BODIES)
@settings(max_examples=1_000 if LONG else 50)
def test_no_form_breaks_it(server: Served, body: bytes) -> None:
    status = server.status(sized(body))

    assert status in (200, 400)
    assert server.failures() == []


@given(raw=BYTES)
@settings(max_examples=1_000 if LONG else 50)
def test_no_bytes_break_it(server: Served, raw: bytes) -> None:
    status = server.status(raw, cut_off=True)

    assert status is None or status < 500
    assert server.failures() == []


def test_it_still_answers(server: Served) -> None:
    assert server.status(b"GET /v1/account HTTP/1.1\r\n" + AUTHORIZED + b"\r\n") == 200
