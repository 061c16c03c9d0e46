"""Logs in which nothing secret and nothing personal can be read.

structlog costs 150 ms to import, so only a line that is really written pays for it.
"""

from azpay.logs.logger import Log, bound, configure, get_logger
from azpay.logs.redaction import looks_like_card_number, printable, redact

__all__ = ["Log", "bound", "configure", "get_logger", "looks_like_card_number", "printable", "redact"]
