"""The sandbox's page: what it has been asked, what it holds, and whom it has told. It needs no script."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from aiohttp import web

from azpay.sandbox.currencies import major
from azpay.sandbox.page_style import PAGE, STYLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.loglines import LogLine
    from azpay.sandbox.recent import Recent
    from azpay.sandbox.wire import Json

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OBJECTS = "/_sandbox/objects/"
SHOWN = 20

_DIGEST = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
_SAFE = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_BAD = 400


class Pages:
    """What a browser is shown. Programs get `otherwise`: Stripe has nothing at `/`."""

    def __init__(self, sandbox: Sandbox, recent: Recent, *, otherwise: Handler) -> None:
        self._sandbox = sandbox
        self._recent = recent
        self._otherwise = otherwise

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self.overview)
        router.add_get(f"{OBJECTS}{{identifier}}", self.object_json)

    async def overview(self, request: web.Request) -> web.StreamResponse:
        if "text/html" not in request.headers.get("Accept", ""):
            return await self._otherwise(request)
        text = _overview(self._sandbox, self._recent)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=_SAFE)

    async def object_json(self, request: web.Request) -> web.Response:
        """One object, as the newest version shows it, for a person to read."""
        identifier = request.match_info["identifier"]
        found = self._sandbox.find(identifier)
        body = {"error": f"There is no {identifier[:80]} here."} if found is None else found
        shown = msgspec.json.format(msgspec.json.encode(body), indent=2)
        status = 404 if found is None else 200
        return web.Response(status=status, body=shown, content_type="application/json", headers=_SAFE)


def _overview(sandbox: Sandbox, recent: Recent) -> str:
    latest = sandbox.latest(SHOWN)
    events = latest.pop("event")
    return PAGE.format(
        style=STYLE,
        address=escape(sandbox.base_url),
        account=escape(sandbox.account_id),
        time=sandbox.time.strftime(_TIME),
        waiting=_waiting(sandbox.waiting_deliveries),
        requests=_table(_REQUESTS, map(_request, recent.requests)),
        deliveries=_table(_DELIVERIES, map(_delivery, recent.deliveries)),
        events=_table(_EVENTS, map(_event, events)),
        objects="".join(_kind(kind, rows) for kind, rows in latest.items() if rows) or _NOTHING,
    )


_REQUESTS = ("Method", "Path", "Status", "ms", "Request", "Error")
_DELIVERIES = ("Event", "To", "Status", "Attempt", "ms")
_EVENTS = ("Type", "Id", "Pending", "Made")
_OBJECTS = ("Id", "Status", "Amount", "Made")
_NOTHING = "<p>Nothing yet.</p>"


def _request(line: LogLine) -> list[str]:
    told = line.fields
    status = told.get("status") or line.what.replace("_", " ")
    return [
        _cell(told, "method"), _path(told), _status(status), _cell(told, "ms"), _cell(told, "request"),
        _cell(told, "code"),
    ]  # fmt: skip


def _delivery(line: LogLine) -> list[str]:
    told = line.fields
    event = _link(str(told["event_id"]), str(told["type"]))
    to = escape(str(told["url"] or "stripe listen"))
    return [event, to, _status(told["status"] or "no answer"), _cell(told, "attempt"), _cell(told, "ms")]


def _event(event: Json) -> list[str]:
    pending = str(event["pending_webhooks"])
    return [escape(event["type"]), _link(event["id"]), pending, _made(event)]


def _kind(kind: str, rows: list[Json]) -> str:
    return f"<h3>{escape(kind)}</h3>{_table(_OBJECTS, map(_object, rows))}"


def _object(row: Json) -> list[str]:
    status = row.get("status")
    return [_link(row["id"]), "" if status is None else escape(str(status)), _amount(row), _made(row)]


def _amount(row: Json) -> str:
    amount, currency = row.get("amount"), row.get("currency")
    if not isinstance(amount, int) or not currency:
        return ""
    sign = "-" if amount < 0 else ""
    return f"{escape(currency.upper())} {sign}{major(abs(amount), currency)}"


def _made(row: Json) -> str:
    if "created" not in row:
        return ""
    return datetime.fromtimestamp(row["created"], UTC).strftime(_TIME)


def _waiting(deliveries: int) -> str:
    return "all delivered" if not deliveries else f"{deliveries} to be delivered"


def _link(identifier: str, text: str = "") -> str:
    return f'<a href="{OBJECTS}{quote(identifier, safe="")}">{escape(text or identifier)}</a>'


def _cell(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    return "" if value is None else escape(str(value))


def _path(told: Mapping[str, object]) -> str:
    return f"<code>{_cell(told, 'path')}</code>"


def _status(status: object) -> str:
    good = isinstance(status, int) and status < _BAD
    return f'<b class="{"good" if good else "bad"}">{escape(str(status))}</b>'


def _table(titles: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    """Each cell knows its title, which a narrow screen shows beside it."""
    body = "".join(f"<tr>{''.join(map(_titled, titles, row))}</tr>" for row in rows)
    if not body:
        return _NOTHING
    head = "".join(f"<th scope=col>{title}</th>" for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _titled(title: str, cell: str) -> str:
    return f'<td data-title="{title}">{cell}</td>' if cell else "<td></td>"
