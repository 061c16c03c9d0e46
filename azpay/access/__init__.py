"""Who may do what, and how much: actors, roles, limits, budgets, four eyes, and the live-mode guard."""

from azpay.access.actors import WORKER, at_terminal, system_user
from azpay.access.approvals import (
    AlreadyDecided,
    Approval,
    ApprovalExpired,
    ApprovalNeeded,
    ApprovalUnknown,
    Asked,
    Decision,
    OwnApproval,
)
from azpay.access.budgets import OverBudget, Spending, Usage, give_back, take_again
from azpay.access.counting import miscounted
from azpay.access.guards import UNGUARDED, Guards
from azpay.access.limits import Kind, OverLimit
from azpay.access.live import LiveAccountMismatch, LiveRefused, require_account
from azpay.access.roles import Action, RoleMissing, require, role_of

__all__ = [
    "UNGUARDED",
    "WORKER",
    "Action",
    "AlreadyDecided",
    "Approval",
    "ApprovalExpired",
    "ApprovalNeeded",
    "ApprovalUnknown",
    "Asked",
    "Decision",
    "Guards",
    "Kind",
    "LiveAccountMismatch",
    "LiveRefused",
    "OverBudget",
    "OverLimit",
    "OwnApproval",
    "RoleMissing",
    "Spending",
    "Usage",
    "at_terminal",
    "give_back",
    "miscounted",
    "require",
    "require_account",
    "role_of",
    "system_user",
    "take_again",
]
