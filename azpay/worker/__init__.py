"""Does what waits, until told to stop: applies what Stripe told us."""

from azpay.worker.leaving import leave_within
from azpay.worker.reins import Reins
from azpay.worker.resolving import resolve_due
from azpay.worker.schedules import sweep
from azpay.worker.threads import Clockwork, Worker
from azpay.worker.work import drain, work

__all__ = ["Clockwork", "Reins", "Worker", "drain", "leave_within", "resolve_due", "sweep", "work"]
