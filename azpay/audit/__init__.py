"""What was done, by whom: a journal that can be read, appended to, and not rewritten unseen.

Each entry has the hash of the one before it. Entries are written when the transaction of their act commits.
"""

from azpay.audit.chain import GENESIS, Detail, Details, Entry, Head
from azpay.audit.listing import Page, Query, entries, head, page
from azpay.audit.models import AuditEntry
from azpay.audit.recording import About, add, amount_of, conclude, note, record
from azpay.audit.verifying import Verdict, check, verify, verify_lines

__all__ = [
    "GENESIS",
    "About",
    "AuditEntry",
    "Detail",
    "Details",
    "Entry",
    "Head",
    "Page",
    "Query",
    "Verdict",
    "add",
    "amount_of",
    "check",
    "conclude",
    "entries",
    "head",
    "note",
    "page",
    "record",
    "verify",
    "verify_lines",
]
