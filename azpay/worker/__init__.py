"""Does what waits, until told to stop: applies what Stripe told us."""

from azpay.worker.leaving import leave_within
from azpay.worker.reins import Reins
from azpay.worker.threads import Worker
from azpay.worker.work import drain, work

__all__ = ["Reins", "Worker", "drain", "leave_within", "work"]
