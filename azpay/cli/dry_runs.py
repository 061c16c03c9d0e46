"""`--dry-run`: what would be sent to Stripe, and is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.cli import output
from azpay.cli.tables import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import typer

    from azpay.payments import Preview


def show(ctx: typer.Context, preview: Preview) -> None:
    """The request, with marks in the places of ids not made yet."""
    if preview.waits:
        output.say(ctx, "It would wait for somebody else's approval first: `azpay refund pending`.")
    output.emit(
        ctx,
        schema="azpay.request/1",
        data={
            "method": "POST",
            "path": preview.path,
            "parameters": preview.parameters,
            "needs_approval": preview.waits,
        },
        human=Fields(list(_as_form(preview.parameters)), title=f"POST {preview.path}  (not sent)"),
    )


def _as_form(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """As Stripe writes it: `metadata[order]`, `true`."""
    for name, value in data.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            yield from _as_form(value, key)
        else:
            yield key, str(value).lower() if isinstance(value, bool) else str(value)
