"""A model of the solver as a request and data in plain JSON, with names that a person can read.

Values of an uninterpreted sort have no text of their own; they are named in the order in which the request shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import chain, count
from typing import Any

from policyengine.analysis.encoder import Encoding
from policyengine.analysis.vocabulary import ID, RESOLVES, THE_ACTION, sort_of
from policyengine.model.schema import Attribute, Attributes
from policyengine.model.types import BOOL, INT, TIME, TYPE, Enum, Id, Shape
from policyengine.model.values import instant

Object = dict[str, Any]

PEOPLE = ("ann", "bob", "cleo", "dora", "emil", "fay", "gus", "hana")

DAY = 24 * 60 * 60 * 10**9
FIRST = instant("0001-01-01T00:00:00Z") or 0


def wanted_terms(encoding: Encoding) -> list[str]:
    """The terms whose values `decode` needs."""
    met, words = encoding.met, encoding.words
    terms = [name for name, kind in words.declarations().items() if kind.startswith("()")]
    for exists, (target, id) in met.references.items():
        terms.append(exists)
        for a in words.columns(target):
            terms += [f"(|{target}.{a.name}| {id})"] + [f"(|has {target}.{a.name}| {id})"] * a.optional
    for row in met.rows.values():
        terms += [*row.columns.values(), *(f"|has {row.path}.{a.name}|" for a in row.own if a.optional)]
    ids = [id for _, id in met.references.values()]
    return list(dict.fromkeys([*sorted(terms), *met.literals, *met.rows, *ids]))


def decode(encoding: Encoding, values: dict[str, str]) -> Object:
    """`{"request": ..., "data": ...}` from the values of the wanted terms."""
    return _Decoder(encoding, values).decode()


@dataclass
class _Decoder:
    encoding: Encoding
    values: dict[str, str]
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def decode(self) -> Object:
        met, words = self.encoding.met, self.encoding.words
        schema = words.schema
        self.names = {(sort, self.values[symbol]): text for symbol, (sort, text) in met.literals.items()}
        type_name = self._word("|resource type|")
        principal = self._object("principal", schema.principal.attributes, schema.principal.name)
        record = {"type": type_name, **self._object("resource", schema.resource[type_name].attributes, type_name)}
        context = self._object("context", schema.context, "")
        request = {"principal": principal, "action": self._word(THE_ACTION), "resource": record, "context": context}
        data: Object = {}
        for name, row in [*self._way_up(record), *self._referenced(record), *self._granted()]:
            if row not in data.setdefault(name, []):
                data[name].append(row)
        return {"request": request, "data": data}

    def _word(self, term: str) -> str:
        return self.values[term].strip("|").split(" ", 1)[1]

    def _object(self, path: str, attributes: Attributes, owner: str) -> Object:
        made: Object = {}
        for a in attributes:
            if self.values.get(f"|has {path}.{a.name}|") == "false":
                continue
            if isinstance(a.type, Shape):
                shape = self.encoding.words.schema.shape[a.type.name]
                made[a.name] = self._object(f"{path}.{a.name}", shape, "")
            else:
                term = self.encoding.words.constant(path, a.name, sort_of(a.type))
                made[a.name] = self._value(term, a, owner or path.rsplit(".", 1)[-1])
        return made

    def _value(self, term: str, a: Attribute, owner: str) -> Any:
        raw = self.values[term].strip("|()")
        if a.type == BOOL:
            return raw == "true"
        if a.type in (INT, TIME):
            number = int(raw.replace(" ", ""))  # a negative one is `(- 5)`
            return number if a.type == INT else as_time(number)
        if a.type == TYPE or isinstance(a.type, Enum):
            return raw.removeprefix("type ").removeprefix(f"{a.type}.")
        return self._name(term, sort_of(a.type), self._hint(a, owner))

    def _hint(self, a: Attribute, owner: str) -> str:
        """What a value is called, before its number; nothing for a person, who has a name."""
        schema = self.encoding.words.schema
        if not isinstance(a.type, Id):
            return "text"
        if a.type.tenant:
            stem = schema.tenant_key
        elif a.mark == "owner" or schema.principal.name in (owner, a.type.of) or a.name in self._members:
            return ""
        else:
            stem = owner if a.mark == "identity" or a.name == "id" else a.type.of or a.name
        return stem.removesuffix("Id").lower()[:40] or "id"

    @cached_property
    def _members(self) -> set[str]:
        return {grant.member_id for grant in self.encoding.words.schema.grants}

    def _name(self, term: str, sort: str, hint: str) -> str:
        taken = self.names.values()
        numbered = (f"{hint or 'person'}_{number}" for number in count(1))
        free = (name for name in chain(() if hint else PEOPLE, numbered) if name not in taken)
        return self.names.setdefault((sort, self.values[term]), next(free))

    # ---- Rows

    def _way_up(self, record: Object) -> Iterator[tuple[str, Object]]:
        """The holder's row; and one between, where what is known of the way does not lead straight to it."""
        schema = self.encoding.words.schema
        inherit = schema.inherits.get(record["type"])
        if inherit is None or record[inherit.attribute] != inherit.value or self.values[RESOLVES] == "false":
            return
        up = inherit.parent_type
        link, above = schema.resource[up].identity, schema.inherits[up]
        holder = self._object("holder", schema.resource[up].attributes, up)
        yield up, holder
        named = {row[link]: row for target, row in self._referenced(record) if target == up}
        id = record[inherit.parent]
        while id in named and id != holder[link]:  # each once: a model that goes round in a circle does not replay
            id = named.pop(id).get(above.parent)
        if id != holder[link]:
            between = {link: id, above.attribute: above.value, above.parent: holder[link]}
            yield up, {**holder, **between}

    def _referenced(self, record: Object) -> Iterator[tuple[str, Object]]:
        words = self.encoding.words
        if words.schema.tenant_key not in record:
            return  # a record of no tenant names no rows
        for exists, (target, id) in self.encoding.met.references.items():
            if self.values[exists] == "true":
                row = {words.schema.resource[target].identity: self._name(id, ID, "id")}
                row[words.schema.tenant_key] = record[words.schema.tenant_key]
                for a in words.columns(target):
                    if self.values.get(f"(|has {target}.{a.name}| {id})") != "false":
                        row[a.name] = self._value(f"(|{target}.{a.name}| {id})", a, target)
                yield target, row

    def _granted(self) -> Iterator[tuple[str, Object]]:
        for term, row in self.encoding.met.rows.items():
            if self.values[term] == "true" and ("|holder type|" not in term or self.values[RESOLVES] == "true"):
                there = [a for a in row.grant.attributes if self.values.get(f"|has {row.path}.{a.name}|") != "false"]
                yield row.grant.name, {a.name: self._value(row.columns[a.name], a, "") for a in there}


def as_time(instant_: int) -> str:
    """An instant as an RFC 3339 date-time: in UTC where its year allows, else in the outermost offset."""
    ahead = 1439 if instant_ < FIRST else -1439 if instant_ >= FIRST + DAY * date.max.toordinal() else 0
    days, rest = divmod(instant_ - FIRST + ahead * 60 * 10**9, DAY)
    seconds, nanoseconds = divmod(rest, 10**9)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{nanoseconds:09}" if nanoseconds else ""
    return f"{date.fromordinal(days + 1)}T{clock}{fraction}{'Z' if not ahead else '+23:59' if ahead > 0 else '-23:59'}"
