"""Proving our book against Stripe's, naming every difference, and repairing ours."""

from azpay.reconciliation.books import Period
from azpay.reconciliation.comparison import Pace
from azpay.reconciliation.models import Drift, DriftKind, ObjectType, Run, RunState
from azpay.reconciliation.plans import (
    Plan,
    PlanAltered,
    PlanForAnother,
    PlanUnreadable,
    Repair,
    plan,
    require_ours,
)
from azpay.reconciliation.repairs import Outcome, Result, apply
from azpay.reconciliation.runs import Report, RunUnknown, find, reconcile, until_now

__all__ = [
    "Drift",
    "DriftKind",
    "ObjectType",
    "Outcome",
    "Pace",
    "Period",
    "Plan",
    "PlanAltered",
    "PlanForAnother",
    "PlanUnreadable",
    "Repair",
    "Report",
    "Result",
    "Run",
    "RunState",
    "RunUnknown",
    "apply",
    "find",
    "plan",
    "reconcile",
    "require_ours",
    "until_now",
]
