"""Saved methods as people and programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from azpay.payments import PaymentMethod


def method_data(method: PaymentMethod, defaults: Collection[str]) -> dict[str, Any]:
    """A saved method for programs."""
    return {
        "id": method.payment_method,
        "customer": method.customer,
        "type": method.type,
        "brand": method.brand,
        "last4": method.last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "default": method.payment_method in defaults,
        "removed": method.removed_at is not None,
    }


def table(found: list[PaymentMethod], defaults: Collection[str]) -> Table:
    columns = [
        Column("Method"),
        Column("Customer"),
        Column("Card"),
        Column("Expires"),
        Column("Default", drop=1),
    ]
    rows = [
        [
            method.payment_method,
            method.customer or "",
            card(method),
            expiry(method),
            "yes" if method.payment_method in defaults else "",
        ]
        for method in found
    ]
    return Table(columns, rows, empty="No saved methods.")


def expiring_table(found: list[PaymentMethod], defaults: Collection[str], now: datetime) -> Table:
    columns = [
        Column("Expires"),
        Column("Method"),
        Column("Customer"),
        Column("Card", drop=1),
        Column("State", drop=3, style={"expired": "red"}),
        Column("Default", drop=2),
    ]
    rows = [
        [
            expiry(method),
            method.payment_method,
            method.customer or "",
            card(method),
            "expired" if is_expired(method, now) else "",
            "yes" if method.payment_method in defaults else "",
        ]
        for method in found
    ]
    return Table(columns, rows, empty="No saved card expires by then.")


def is_expired(method: PaymentMethod, now: datetime) -> bool:
    return (method.exp_year or 0, method.exp_month or 0) < (now.year, now.month)


def card(method: PaymentMethod) -> str:
    return f"{method.brand} {method.last4}" if method.last4 else method.type


def expiry(method: PaymentMethod) -> str:
    return f"{method.exp_month:02d}/{method.exp_year}" if method.exp_month and method.exp_year else ""
