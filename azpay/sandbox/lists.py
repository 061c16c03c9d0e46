"""Stripe's lists: newest first, paged by the id at the edge of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request
from azpay.sandbox.finding import Query
from azpay.sandbox.params import Shape, integer, period, shape, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.params import Reader
    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Json

MAX_LIMIT = 100
_PAGING = shape(limit=integer(), starting_after=text(), ending_before=text())


def paged(**filters: Reader) -> Shape:
    return _PAGING.with_(**filters)


def paged_by_time(**filters: Reader) -> Shape:
    return _PAGING.with_(created=period, **filters)


def list_page(
    collection: Collection,
    url: str,
    params: Json,
    *,
    equal: Json | None = None,
    keep: Callable[[Json], bool] | None = None,
    since: int | None = None,
) -> Json:
    """`equal` are the filters to apply beside those of paging and of time; `since` cuts off what is older."""
    query = _query(params, equal or {}, keep)
    if since is not None:
        query.created["gte"] = max(since, query.created.get("gte", since))
    rows, has_more = collection.to_show(query)
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def chosen(params: Json, *names: str) -> Json:
    """The filters among the parameters, as they are."""
    return {name: params[name] for name in names if name in params}


def _query(params: Json, equal: Json, keep: Callable[[Json], bool] | None) -> Query:
    if "starting_after" in params and "ending_before" in params:
        raise bad_request(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
            code="parameters_exclusive",
            param="starting_after",
        )
    created = dict(params.get("created", {}))
    if "eq" in created:
        created["gte"] = created["lte"] = created.pop("eq")
    return Query(
        equal=equal,
        created=created,
        limit=_limit(params.get("limit", 10)),
        starting_after=params.get("starting_after"),
        ending_before=params.get("ending_before"),
        keep=keep,
    )


def _limit(limit: int) -> int:
    if not 1 <= limit <= MAX_LIMIT:
        bound = f"less than or equal to {MAX_LIMIT}" if limit > MAX_LIMIT else "greater than or equal to 1"
        raise bad_request(f"This value must be {bound}.", code="parameter_invalid_integer", param="limit")
    return limit
