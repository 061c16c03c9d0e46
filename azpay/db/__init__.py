"""Storage: one book of payments, in SQLite on a laptop or in PostgreSQL under many daemons."""

from azpay.db.database import Database, actor_of
from azpay.db.ids import new_id
from azpay.db.ring import Ring
from azpay.db.sealing import sealed
from azpay.db.tables import Row
from azpay.db.turns import take_turn
from azpay.db.types import one_of, timestamp

__all__ = ["Database", "Ring", "Row", "actor_of", "new_id", "one_of", "sealed", "take_turn", "timestamp"]
