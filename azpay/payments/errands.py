"""How each kind of operation is gone on with, when the command that began it is not there any more."""

from __future__ import annotations

from azpay.operations import Errands, Kind
from azpay.payments import captures, charging, customers, methods, refunds, saving

ERRANDS = Errands(
    {
        Kind.CHARGE: charging.rebuild,
        Kind.CAPTURE: captures.rebuild_capture,
        Kind.CANCEL: captures.rebuild_cancel,
        Kind.REFUND: refunds.rebuild,
        Kind.ATTACH: methods.rebuild_attach,
        Kind.DETACH: methods.rebuild_detach,
        Kind.CUSTOMER: customers.rebuild,
        Kind.DEFAULT: methods.rebuild_default,
        Kind.SETUP: saving.rebuild,
    }
)
