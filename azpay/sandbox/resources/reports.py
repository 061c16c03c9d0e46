"""Report types and report runs. A run is asked for, and its file is there a moment later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from azpay.sandbox import reporting
from azpay.sandbox.currencies import check_currency
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.ledger import DAY
from azpay.sandbox.lists import list_page, paged_by_time
from azpay.sandbox.params import array_of, choice, hash_of, integer, missing, shape, text, unsupported
from azpay.sandbox.report_columns import is_column
from azpay.sandbox.report_types import REPORT_TYPES, ReportType
from azpay.sandbox.resources import files
from azpay.sandbox.resources.account import CREATED
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

READY_AFTER = 5
"""Seconds that a run takes."""
DATA_EVERY = DAY // 2
FILES_LAST = 365 * DAY

_CATEGORIES = (
    "advance", "advance_funding", "anticipation_repayment", "charge", "charge_failure",
    "climate_order_purchase", "climate_order_refund", "connect_collection_transfer",
    "connect_reserved_funds", "contribution", "dispute", "dispute_reversal", "fee", "financing_paydown",
    "financing_paydown_reversal", "financing_payout", "financing_payout_reversal",
    "issuing_authorization_hold", "issuing_authorization_release", "issuing_dispute", "issuing_transaction",
    "network_cost", "other_adjustment", "partial_capture_reversal", "payout", "payout_reversal",
    "platform_earning", "platform_earning_refund", "refund", "refund_failure", "risk_reserved_funds", "tax",
    "topup", "topup_reversal", "transfer", "transfer_reversal", "unreconciled_customer_funds",
)  # fmt: skip
_PARAMETERS = shape(
    columns=array_of(text()),
    connected_account=unsupported,
    currency=text(),
    interval_end=integer(0),
    interval_start=integer(0),
    payout=text(),
    reporting_category=choice(*_CATEGORIES),
    timezone=text(),
)
_CREATE = shape(parameters=hash_of(_PARAMETERS), report_type=text()).requiring("report_type")
_TYPES, _RUNS = "/v1/reporting/report_types", "/v1/reporting/report_runs"


def _create(world: World, call: Call) -> Json:
    kind = _known_type(call.params["report_type"], param="report_type", status=400)
    parameters = call.params.get("parameters", {})
    _check_names(kind, parameters)
    _check_values(world, kind, parameters)
    _check_interval(world, kind, parameters)
    run = {
        "id": world.ids.new("frr"),
        "object": "reporting.report_run",
        "created": world.time,
        "error": None,
        "livemode": False,
        "parameters": parameters,
        "report_type": kind.id,
        "result": None,
        "status": "pending",
        "succeeded_at": None,
    }
    world.schedule.plan(world.time + READY_AFTER, "run_report", run["id"])
    return world.report_runs.add(run)


def _known_type(identifier: str, *, param: str, status: int) -> ReportType:
    if identifier not in REPORT_TYPES:
        message = f"No such report type: '{identifier[:100]}'"
        raise StripeError(status, message, code="resource_missing", param=param)
    return REPORT_TYPES[identifier]


def _check_names(kind: ReportType, parameters: Json) -> None:
    for name in kind.required:
        if name not in parameters:
            raise missing(f"parameters[{name}]")
    for name in parameters:
        if name not in (*kind.required, *kind.optional):
            raise _refused(name, f"The report type {kind.id} does not take the parameter {name}.")


def _check_values(world: World, kind: ReportType, parameters: Json) -> None:
    if "currency" in parameters:
        parameters["currency"] = check_currency(parameters["currency"], "parameters[currency]")
    if "timezone" in parameters and not _is_zone(parameters["timezone"]):
        raise _refused("timezone", f"Invalid timezone: {parameters['timezone'][:60]}")
    for name in parameters.get("columns", ()):
        if not (name in kind.columns if kind.is_summary else is_column(name)):
            raise _refused("columns", f"The report type {kind.id} has no column {name[:60]}.")
    if "payout" in parameters:
        payout = world.payouts.get(parameters["payout"], param="parameters[payout]", status=400)
        if not payout["automatic"]:
            raise _refused("payout", f"Payout {payout['id']} is not an automatic one.")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_interval(world: World, kind: ReportType, parameters: Json) -> None:
    start, end = parameters.get("interval_start", CREATED), parameters.get("interval_end")
    if end is None:
        return
    if start >= end:
        raise _refused("interval_start", "The interval has to start before it ends.")
    last = _available_until(world)
    if start < CREATED:
        raise _refused("interval_start", _only(kind, "from", CREATED))
    if end > last:
        raise _refused("interval_end", _only(kind, "through", last))


def _only(kind: ReportType, word: str, moment: int) -> str:
    told = datetime.fromtimestamp(moment, UTC).isoformat()
    return f"Data for the report type {kind.id} is only available {word} {told}."


def _refused(name: str, message: str) -> StripeError:
    return bad_request(message, param=f"parameters[{name}]")


def _available_until(world: World) -> int:
    """Data comes in twice a day."""
    return world.time // DATA_EVERY * DATA_EVERY


def _run(world: World, run_id: str) -> None:
    run = world.report_runs.get(run_id)
    try:
        content = reporting.produce(world, REPORT_TYPES[run["report_type"]], run["parameters"])
    except reporting.ReportFailed as error:
        run.update(status="failed", error=str(error))
        world.emit("reporting.report_run.failed", run)
        return
    name, expires = f"{run['report_type']}.{run_id}.csv", world.time + FILES_LAST
    file = files.add(world, content, filename=name, purpose="finance_report_run", expires_at=expires)
    run.update(status="succeeded", succeeded_at=world.time, result=visible(file, LATEST))
    world.emit("reporting.report_run.succeeded", run)


def _retrieve(world: World, call: Call) -> Json:
    return world.report_runs.get(call.ids["run"], param="report_run")


def _list(world: World, call: Call) -> Json:
    return list_page(world.report_runs, _RUNS, call.params)


def _type(world: World, call: Call) -> Json:
    return _described(world, _known_type(call.ids["type"], param="report_type", status=404))


def _types(world: World, call: Call) -> Json:  # noqa: ARG001 - every handler is called alike
    data = [_described(world, kind) for kind in REPORT_TYPES.values()]
    return {"object": "list", "data": data, "has_more": False, "url": _TYPES}


def _described(world: World, kind: ReportType) -> Json:
    until = _available_until(world)
    return {
        "id": kind.id,
        "object": "reporting.report_type",
        "data_available_end": until,
        "data_available_start": CREATED,
        "default_columns": list(kind.columns),
        "livemode": False,
        "name": kind.name,
        "updated": until,
        "version": kind.version,
    }


ROUTES = (
    Route("GET", _TYPES, shape(), _types),
    Route("GET", _TYPES + "/{type}", shape(), _type),
    Route("POST", _RUNS, _CREATE, _create),
    Route("GET", _RUNS, paged_by_time(), _list),
    Route("GET", _RUNS + "/{run}", shape(), _retrieve),
)
WORK: Mapping[str, Work] = {"run_report": _run}
