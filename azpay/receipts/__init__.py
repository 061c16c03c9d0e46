"""Receipts: numbered without gaps, one for each payment and each refund.

The drawing stands in `receipts.documents`, apart, because it loads a PDF library.
"""

from azpay.receipts.facts import Merchant
from azpay.receipts.finding import Page, ReceiptUnknown, find, listing
from azpay.receipts.issuing import NotPaid, NotRefunded, issue, write_out
from azpay.receipts.models import Receipt

__all__ = [
    "Merchant",
    "NotPaid",
    "NotRefunded",
    "Page",
    "Receipt",
    "ReceiptUnknown",
    "find",
    "issue",
    "listing",
    "write_out",
]
