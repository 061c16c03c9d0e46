"""Many charges or refunds from one file: looked at whole, then moved row by row, each once.

`prepare` reads and checks, `begin` writes the batch down or finds the one that stands, `run` moves the money,
`results` tells what became of each row. See docs/howto/batches.md.
"""

from azpay.payments.batches.asking import COLUMNS, Terms
from azpay.payments.batches.beginning import File, Prepared, begin, prepare
from azpay.payments.batches.checking import Findings
from azpay.payments.batches.mistakes import (
    BookChanged,
    FileEdited,
    FileEmpty,
    FileMistaken,
    FileOverLimit,
    FileSuspected,
    FileTooLong,
    Mistake,
)
from azpay.payments.batches.models import Batch, BatchKind, BatchRow, BatchState, RowState
from azpay.payments.batches.results import BatchUnknown, Result, Sum, Tally, one, page, results, unfinished
from azpay.payments.batches.running import Pace, TooManyUnknown, run
from azpay.payments.batches.snapshots import taken

__all__ = [
    "COLUMNS",
    "Batch",
    "BatchKind",
    "BatchRow",
    "BatchState",
    "BatchUnknown",
    "BookChanged",
    "File",
    "FileEdited",
    "FileEmpty",
    "FileMistaken",
    "FileOverLimit",
    "FileSuspected",
    "FileTooLong",
    "Findings",
    "Mistake",
    "Pace",
    "Prepared",
    "Result",
    "RowState",
    "Sum",
    "Tally",
    "Terms",
    "TooManyUnknown",
    "begin",
    "one",
    "page",
    "prepare",
    "results",
    "run",
    "taken",
    "unfinished",
]
