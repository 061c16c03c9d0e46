"""What azpay can be told, as a table, so that help and completion import no command.

A row's `target` is `module:function`, imported when the command is called. `help` is the one line that
lists show; the function's docstring is the whole help. Rows that share a `panel` stand together in
`azpay --help`, and panels stand in the order in which they first appear.

A group is a word with commands of its own. One that has a `target` also does something by itself:
`azpay receipt pay_1` calls it, and `azpay receipt list` calls the row `list`.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    name: str
    target: str
    help: str
    panel: str | None = None


class Group(NamedTuple):
    name: str
    help: str
    rows: tuple[Row, ...]
    panel: str | None = None
    target: str | None = None


Entry = Row | Group

MONEY = "Move money"
RECORDS = "Look at money"
PROOF = "Prove it"
SERVICE = "Run"
SETUP = "Set up"

TABLE: tuple[Entry, ...] = (
    Row("charge", "azpay.cli.charge:charge", "Charge a saved or a one-time payment method.", MONEY),
    Row("capture", "azpay.cli.charge:capture", "Take what `charge --authorize-only` held.", MONEY),
    Row("cancel", "azpay.cli.charge:cancel", "Let an authorization go.", MONEY),
    Group(
        "refund",
        "Give money back, in part or in full.",
        (
            Row("pending", "azpay.cli.approvals:pending", "Refunds that wait for a second person."),
            Row("approve", "azpay.cli.approvals:approve", "Let one go ahead, as somebody else."),
            Row("reject", "azpay.cli.approvals:reject", "Turn one down, or take back your own."),
        ),
        MONEY,
        target="azpay.cli.refund:refund",
    ),
    Group(
        "methods",
        "Saved payment methods.",
        (
            Row("list", "azpay.cli.methods:listing", "List saved payment methods."),
            Row("add", "azpay.cli.methods:add", "Save a method for a customer."),
            Row("expiring", "azpay.cli.methods:expiring", "Saved cards that expire soon."),
            Row("default", "azpay.cli.methods:make_default", "Charge this one when none is named."),
            Row("remove", "azpay.cli.methods:remove", "Detach a saved method for good."),
        ),
        MONEY,
    ),
    Row("history", "azpay.cli.history:history", "Payments, or one payment's whole story.", RECORDS),
    Group(
        "batches",
        "Files of charges and refunds that were run.",
        (
            Row("list", "azpay.cli.batches:listing", "Files that were run, newest first."),
            Row("show", "azpay.cli.batches:show", "What became of each row."),
        ),
        RECORDS,
    ),
    Group(
        "disputes",
        "Disputes, and early fraud warnings.",
        (
            Row("list", "azpay.cli.disputes:listing", "Disputes, newest or most urgent first."),
            Row("show", "azpay.cli.disputes:show", "One dispute: what is at stake, and until when."),
        ),
        RECORDS,
    ),
    Group(
        "payouts",
        "Payouts to the bank.",
        (
            Row("list", "azpay.cli.payouts:listing", "Payouts, newest first."),
            Row("show", "azpay.cli.payouts:show", "One payout: arrival, trace id, failure."),
        ),
        RECORDS,
    ),
    Row("balance", "azpay.cli.payouts:balance", "What the account holds at Stripe.", RECORDS),
    Group(
        "export",
        "Records for other programs.",
        (Row("payments", "azpay.cli.export:payments", "Every payment, as CSV or NDJSON."),),
        RECORDS,
    ),
    Group(
        "receipt",
        "A receipt as PDF.",
        (Row("list", "azpay.cli.receipt:listing", "Receipts issued so far."),),
        RECORDS,
        target="azpay.cli.receipt:receipt",
    ),
    Group(
        "events",
        "What Stripe told us.",
        (
            Row("list", "azpay.cli.events:listing", "Events received, newest first."),
            Row("show", "azpay.cli.events:show", "One event, without its secrets."),
            Row("retry", "azpay.cli.inbox:retry", "Give failing events their tries again."),
            Row("replay", "azpay.cli.inbox:replay", "Apply events anew."),
            Row("sweep", "azpay.cli.inbox:sweep", "Fetch events that no webhook brought."),
            Row("endpoint", "azpay.cli.endpoint:endpoint", "Where Stripe posts, and of what."),
            Row("secrets", "azpay.cli.inbox:secrets", "Which webhook secrets still match."),
            Row("purge", "azpay.cli.inbox:purge", "Remove old events that were applied."),
        ),
        RECORDS,
    ),
    Group(
        "ops",
        "What we asked of Stripe, and is not known yet.",
        (
            Row("list", "azpay.cli.ops:listing", "Operations without an outcome, newest first."),
            Row("show", "azpay.cli.ops:show", "One operation, and every attempt at it."),
            Row("resolve", "azpay.cli.resolving:resolve", "Find out now what became of them."),
        ),
        RECORDS,
    ),
    Group(
        "reconcile",
        "Compare our book with Stripe's.",
        (Row("apply", "azpay.cli.reconcile:apply", "Make the repairs of a reviewed plan."),),
        PROOF,
        target="azpay.cli.reconcile:reconcile",
    ),
    Group(
        "audit",
        "What was done, and by whom.",
        (
            Row("list", "azpay.cli.audit:listing", "Acts, newest first."),
            Row("verify", "azpay.cli.audit:verify", "Prove that nothing in it was changed or removed."),
        ),
        PROOF,
    ),
    Row("doctor", "azpay.cli.doctor:doctor", "One line and one verdict a check.", PROOF),
    Row("serve", "azpay.cli.serve:serve", "Receive Stripe's webhooks.", SERVICE),
    Row("worker", "azpay.cli.worker:worker", "Apply what was received; the worker alone.", SERVICE),
    Row("sandbox", "azpay.cli.sandbox:sandbox", "An embedded Stripe on this machine.", SERVICE),
    Row("seed", "azpay.cli.seed:seed", "Make test payments, the same every time.", SERVICE),
    Row("demo", "azpay.cli.demo:demo", "A day in the life, in seconds; needs no key.", SERVICE),
    Row("login", "azpay.cli.setup:login", "Keep a Stripe key in the system's keyring.", SETUP),
    Row("logout", "azpay.cli.setup:logout", "Forget it.", SETUP),
    Row("whoami", "azpay.cli.setup:whoami", "Whose account the key belongs to, and who you are.", SETUP),
    Group(
        "config",
        "What is set, and where it came from.",
        (Row("show", "azpay.cli.setup:config_show", "What is set, with secrets hidden."),),
        SETUP,
    ),
    Group(
        "db",
        "The book's tables.",
        (
            Row("upgrade", "azpay.cli.book:upgrade", "Bring the book's tables up to date."),
            Row("backup", "azpay.cli.backups:backup", "A private copy, proved by restoring it."),
            Row("restore", "azpay.cli.backups:restore", "Put a backup in the place of the book."),
            Row("copy", "azpay.cli.copying:copy", "Move the book to another store."),
            Row("check", "azpay.cli.book:check", "Look for damage."),
            Row("key", "azpay.cli.keys:key", "Which key the book is encrypted with, and where it is kept."),
            Row("recover", "azpay.cli.keys:recover", "Bring back a lost key, from its recovery key."),
            Row("rekey", "azpay.cli.keys:rekey", "Encrypt the book with another key."),
        ),
        SETUP,
    ),
)
