"""Every setting, once. The values, `.env.example` and the reference in the documentation derive from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.settings import parsing, permissions

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "AZPAY_"


@dataclass(frozen=True, slots=True)
class Setting:
    """`default` and `example` are as one would write them. A setting without either has no value until set.

    A secret is never taken from the command line, and may stand in a file named by `<variable>_FILE`.
    `profile_only` is for what an environment variable must not be able to change. A `table` is written as one
    in the profile, and parsed from JSON.
    """

    name: str
    parse: Callable[[str], object]
    help: str
    group: str
    default: str | None = None
    derived: str | None = None
    example: str = ""
    secret: bool = False
    profile_only: bool = False
    table: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


SETTINGS = (
    Setting(
        "profile",
        parsing.profile_name,
        "Which profile of the configuration file to use. `sandbox` is built in and needs no key.",
        "Where",
        derived="default_profile of the configuration file, else default",
        example="sandbox",
    ),
    Setting(
        "data_dir",
        parsing.folder,
        "Where azpay keeps its book and what belongs to it.",
        "Where",
        derived="the user's data folder",
        example="/var/lib/azpay",
    ),
    Setting(
        "database_url",
        parsing.database_url,
        "The book: SQLite for one machine, PostgreSQL where several share it.",
        "Where",
        derived="a SQLite file in the data folder, named for the profile",
        example="postgresql://azpay@db.example.com/azpay",
        secret=True,
    ),
    Setting(
        "encryption_key",
        parsing.encryption_key,
        "The book's key, where azpay should not keep one itself; list the new and the old to change it.",
        "Where",
        derived="made on first use, and kept in the keyring or a private file",
        example="AZPAY-" + "-".join(["XXXXXXX"] * 8),
        secret=True,
    ),
    Setting(
        "database_connections",
        parsing.number(1, 1000),
        "How many connections one process keeps to a book in PostgreSQL, at most.",
        "Where",
        default="10",
    ),
    Setting(
        "database_connect_seconds",
        parsing.number(1, 600),
        "How long to wait for PostgreSQL to let us in. `connect_timeout` in its address goes first.",
        "Where",
        default="3",
    ),
    Setting(
        "database_lock_seconds",
        parsing.number(1, 600),
        "How long to wait for a row, a table or a connection that another has.",
        "Where",
        default="5",
    ),
    Setting(
        "database_statement_seconds",
        parsing.number(1, 3600),
        "How long PostgreSQL may work on one statement.",
        "Where",
        default="30",
    ),
    Setting(
        "redis_url",
        parsing.redis_url,
        "A Redis or Valkey that remembers answers to idempotency keys; needs azpay[redis]. The book decides.",
        "Where",
        example="redis://cache.example.com/0",
        secret=True,
    ),
    Setting(
        "stripe_api_key",
        parsing.stripe_api_key,
        "A restricted (rk_) or secret (sk_) key. `azpay login` keeps it in the keyring instead.",
        "Stripe",
        example="rk_test_replace_me",
        secret=True,
    ),
    Setting(
        "stripe_account",
        parsing.stripe_account,
        "The account the key is expected to belong to. Another account's key is then refused.",
        "Stripe",
        example="acct_1ExampleExample",
    ),
    Setting(
        "stripe_api_base",
        parsing.api_base,
        "Where Stripe is. Only an address on this machine may go without TLS.",
        "Stripe",
        default="https://api.stripe.com",
    ),
    Setting(
        "webhook_secrets",
        parsing.webhook_secrets,
        "Signing secrets of the webhook endpoint, separated by commas: list the old and the new to rotate.",
        "Stripe",
        example="whsec_new,whsec_old",
        secret=True,
    ),
    Setting(
        "live",
        parsing.yes_or_no,
        "Real money. Without it a live key is refused.",
        "Stripe",
        default="false",
        profile_only=True,
    ),
    Setting(
        "access",
        permissions.permissions,
        "Who may do what, and how much, as a table `[profiles.NAME.access]`.",
        "Guards",
        derived="whoever has the key and the book may do all",
        example='{"default_role": "viewer"}',
        profile_only=True,
        table=True,
    ),
    Setting(
        "actor",
        permissions.actor_name,
        "Who acts at the command line, where several share one user of the system.",
        "Guards",
        derived="the user of the system",
        example="ann",
    ),
    Setting(
        "refund_approval_above",
        permissions.amounts,
        "A refund above this waits for a second person; a currency that is not named always does.",
        "Guards",
        derived="no refund waits",
        example="eur:500.00,usd:500.00",
    ),
    Setting(
        "refund_approval_hours",
        parsing.number(1, 720),
        "How long it waits for one.",
        "Guards",
        default="72",
    ),
    Setting(
        "host",
        parsing.host,
        "The address `azpay serve` listens on. Put a reverse proxy with TLS in front of it.",
        "Daemon",
        default="127.0.0.1",
    ),
    Setting(
        "trusted_proxies",
        parsing.networks,
        "Addresses or networks of your reverse proxies; only what they add to X-Forwarded-For is believed.",
        "Daemon",
        default="127.0.0.0/8,::1",
    ),
    Setting(
        "sweep_minutes",
        parsing.minutes,
        "How often the worker asks Stripe for events that no webhook brought; 0 for never.",
        "Daemon",
        default="5",
    ),
    Setting(
        "inbox_minutes",
        parsing.minutes,
        "How long an event may be due before `/readyz` says that the daemon is behind; 0 for ever.",
        "Daemon",
        default="15",
    ),
    Setting("port", parsing.port, "The port `azpay serve` listens on.", "Daemon", default="8000"),
    Setting(
        "log_format",
        parsing.one_of("auto", "console", "json"),
        "console, json, or auto: console on a terminal and json elsewhere.",
        "Logs",
        default="auto",
    ),
    Setting(
        "log_level",
        parsing.one_of("debug", "info", "warning", "error"),
        "The least important message to keep: debug, info, warning or error.",
        "Logs",
        default="info",
    ),
    Setting(
        "debug",
        parsing.switch,
        "Show the traceback of a bug in azpay instead of one line about it.",
        "Logs",
        default="0",
    ),
    Setting(
        "timezone",
        parsing.time_zone,
        "The zone in which people read and write times. JSON is always UTC.",
        "People",
        default="UTC",
        example="Europe/Paris",
    ),
    Setting(
        "merchant_name",
        parsing.plain_text,
        "Who sells, as receipts should say it.",
        "Receipts",
        example="Example Books Ltd",
    ),
    Setting(
        "merchant_address",
        parsing.lines_of_text,
        r"The address on receipts; \n begins a new line.",
        "Receipts",
        example=r"1 Example Street\nLondon",
    ),
    Setting(
        "merchant_tax_id",
        parsing.plain_text,
        "The tax number on receipts.",
        "Receipts",
        example="GB123456789",
    ),
    Setting(
        "merchant_support",
        parsing.plain_text,
        "Whom a customer may ask, on receipts and in mails.",
        "Receipts",
        example="help@example.com",
    ),
)
