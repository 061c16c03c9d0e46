"""Stripe's search language: `status:"succeeded" AND amount>1000`, `-metadata["order"]:null`, `email~"ada"`.

Clauses are joined by AND or by OR, not by both. A leading `-` turns a clause round. Text is compared without
regard to case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from azpay.sandbox.errors import StripeError, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.wire import Json

MOST_CLAUSES = 10
SHORTEST_SUBSTRING = 3

_CLAUSE = re.compile(
    r"""\s*(?P<negated>-?)
    (?P<field>[a-z_][a-z_0-9.]*)(?:\[(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\])?
    \s*(?P<operator>>=|<=|:|~|>|<)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+|null)(?=\s|$)""",
    re.VERBOSE,
)
_JOINT = re.compile(r"\s+(AND|OR)(?=\s)|\s+(?=\S)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


class Kind(Enum):
    WORD = "word"
    TEXT = "text"
    """Can be searched for a part of it, too."""
    NUMBER = "number"


_OPERATORS = {Kind.WORD: (":",), Kind.TEXT: (":", "~"), Kind.NUMBER: (":", ">", "<", ">=", "<=")}


@dataclass(frozen=True, slots=True)
class Fields:
    """What can be searched for in one kind of object, by the name in the query."""

    resource: str
    kinds: Mapping[str, Kind]

    def kind(self, name: str) -> Kind:
        if name not in self.kinds:
            page = f"http://stripe.com/docs/search#query-fields-for-{self.resource.replace('_', '-')}"
            raise bad_request(
                f"Field `{name}` is an unsupported search field for resource `{self.resource}`. See {page} "
                "for a list of supported fields."
            )
        return self.kinds[name]


@dataclass(frozen=True, slots=True)
class Clause:
    negated: bool
    field: str
    key: str | None
    operator: str
    value: str | int | None

    def holds(self, document: Json) -> bool:
        return self._matches(self._found(document)) is not self.negated

    def _found(self, document: Json) -> object:
        found: object = document
        for name in (*self.field.split("."), *([] if self.key is None else [self.key])):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def _matches(self, found: object) -> bool:
        if found is None or self.value is None:
            return found is None and self.value is None
        if isinstance(self.value, int):
            return isinstance(found, int) and _compare(found, self.operator, self.value)
        known, wanted = _plain(found), self.value.casefold()
        return wanted in known if self.operator == "~" else known == wanted


def _plain(found: object) -> str:
    return ("true" if found else "false") if isinstance(found, bool) else str(found).casefold()


def _compare(found: int, operator: str, value: int) -> bool:
    return {
        ":": found == value,
        ">": found > value,
        "<": found < value,
        ">=": found >= value,
        "<=": found <= value,
    }[operator]


@dataclass(frozen=True, slots=True)
class Search:
    clauses: tuple[Clause, ...]
    any_of: bool = False

    def matches(self, document: Json) -> bool:
        held = (clause.holds(document) for clause in self.clauses)
        return any(held) if self.any_of else all(held)

    def only(self, field: str) -> str | None:
        """The one value that this field must have in everything found, if there is one."""
        if self.any_of and len(self.clauses) > 1:
            return None
        for clause in self.clauses:
            if clause.field == field and clause.operator == ":" and not clause.negated:
                return clause.value if isinstance(clause.value, str) else None
        return None


def parse(query: str, fields: Fields) -> Search:
    """Read a query. Raises Stripe's error for what it cannot be."""
    clauses, joints, place = [], set[str](), 0
    while True:
        found = _CLAUSE.match(query, place)
        if found is None:
            raise _unreadable()
        clauses.append(_clause(found, fields))
        rest = query[found.end() :]
        if not rest.strip():
            return _joined(clauses, joints)
        joint = _JOINT.match(rest)
        if joint is None:
            raise _unreadable()
        joints.add((joint[1] or "AND").upper())
        place = found.end() + joint.end()


def _joined(clauses: list[Clause], joints: set[str]) -> Search:
    if len(joints) > 1:
        raise bad_request("You cannot combine AND and OR in the same query.", param="query")
    if len(clauses) > MOST_CLAUSES:
        raise bad_request(f"A query may have at most {MOST_CLAUSES} clauses.", param="query")
    return Search(tuple(clauses), any_of=joints == {"OR"})


def _clause(found: re.Match[str], fields: Fields) -> Clause:
    name, operator = found["field"], found["operator"]
    kind = fields.kind(name)
    if (name == "metadata") != (found["key"] is not None):
        raise _unreadable()
    _check_operator(name, kind, operator)
    key = None if found["key"] is None else _unquoted(found["key"])
    return Clause(found["negated"] == "-", name, key, operator, _value(found["value"], kind, operator))


def _check_operator(name: str, kind: Kind, operator: str) -> None:
    if operator not in _OPERATORS[kind]:
        raise bad_request(f"Field `{name}` does not support the operator `{operator}`.", param="query")


def _value(written: str, kind: Kind, operator: str) -> str | int | None:
    if written == "null":
        return None
    quoted = written[0] in "\"'"
    value = _unquoted(written) if quoted else written
    if kind is Kind.NUMBER:
        return _number(value)
    if not quoted:
        raise _unreadable()
    if operator == "~" and len(value) < SHORTEST_SUBSTRING:
        raise bad_request(f"A substring must have at least {SHORTEST_SUBSTRING} characters.", param="query")
    return value


def _number(written: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", written, re.ASCII):
        raise _unreadable()
    return int(written)


def _unquoted(written: str) -> str:
    return _ESCAPED.sub(r"\1", written[1:-1])


def _unreadable() -> StripeError:
    return bad_request(
        'We were unable to parse your search query. Try using the format `metadata["key"]:"value"` to query '
        'for metadata or key:"value" to query for other fields.'
    )
