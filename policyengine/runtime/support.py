"""What every generated module carries along, word for word: checks, times, rows, and the three public functions.

The text of this file opens each bundle, so that a bundle stands alone; nothing here knows a policy. It imports nothing,
because it is loaded at a cold start. The meaning is the reference interpreter's; tests hold the two together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any, Protocol

    class SupportsRows(Protocol):
        def get(self, org_id: str, type_name: str, id: str, /) -> Any: ...
        def grants(self, org_id: str, type_name: str, id: str, member_id: str, /) -> Iterable[Any]: ...


class Incomplete(Exception):
    """A row could not be loaded, so that no answer can be given: a denial, and never a shorter list."""


class Err:
    """The value of an expression that has none, and why. Of two an incomplete one counts, then the lesser cause."""

    __slots__ = ("cause", "incomplete")

    def __init__(self, cause: str, incomplete: bool = False) -> None:
        self.cause = cause
        self.incomplete = incomplete

    def __lt__(self, other: Err) -> bool:
        return (not self.incomplete, self.cause) < (not other.incomplete, other.cause)


# ---- Checks: whether a JSON value has a type; nothing is converted


def is_string(value: Any) -> bool:
    return type(value) is str and (value.isascii() or _is_scalar(value))


def is_id(value: Any) -> bool:
    return type(value) is str and value != "" and (value.isascii() or _is_scalar(value))


def is_tenant_id(value: Any) -> bool:
    if type(value) is not str or not 0 < len(value) <= 64 or value.strip(_TENANT_ID_CHARACTERS):
        return False
    if len(tenant_ids) >= 1024:
        tenant_ids.clear()
    tenant_ids.add(value)
    return True


tenant_ids: set[str] = set()  # some that were found to be well-formed, so that most need no second look


def is_int(value: Any) -> bool:
    return type(value) is int


def is_bool(value: Any) -> bool:
    return type(value) is bool


def is_time(value: Any) -> bool:
    return type(value) is str and instant(value) is not None


_TENANT_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


def _is_scalar(text: str) -> bool:
    """Whether a text holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ---- Times: RFC 3339, compared as instants, to the nanosecond

_instants: dict[str, int | None] = {}
_MONTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def instant(text: str) -> int | None:
    """Nanoseconds, counted from before year 1 (UTC), or None where the text is no date-time; the last few are kept."""
    try:
        return _instants[text]
    except KeyError:
        if len(_instants) >= 16384:
            _instants.clear()
        found = _instants[text] = _instant(text) if len(text) <= 35 else None
        return found


def _instant(text: str) -> int | None:
    if not text.isascii() or len(text) < 20 or text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return None
    numbers = [text[0:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19]]
    ahead, rest = 0, text[19:]
    if rest[-1] == "Z":
        rest = rest[:-1]
    elif len(rest) >= 6 and rest[-6] in "+-" and rest[-3] == ":" and rest[-5:-3].isdigit() and rest[-2:].isdigit():
        hours, minutes = int(rest[-5:-3]), int(rest[-2:])
        if hours > 23 or minutes > 59:
            return None
        ahead = (hours * 60 + minutes) * (-1 if rest[-6] == "-" else 1)
        rest = rest[:-6]
    else:
        return None
    nanoseconds = 0
    if rest:
        if rest[0] != "." or not rest[1:].isdigit() or len(rest) > 10:
            return None
        nanoseconds = int(rest[1:].ljust(9, "0"))
    for number in numbers:
        if not number.isdigit():
            return None
    year, month, day, hour, minute, second = map(int, numbers)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not (year >= 1 and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 59):
        return None
    if not 1 <= day <= _MONTHS[month] + (leap and month == 2):
        return None
    before = year - 1
    days = (
        before * 365 + before // 4 - before // 100 + before // 400 + sum(_MONTHS[:month]) + (leap and month > 2) + day
    )
    return ((days * 1440 + hour * 60 + minute - ahead) * 60 + second) * 1_000_000_000 + nanoseconds


# ---- Faults: what is wrong with a malformed object; the cold path, read from a table of the declared attributes

if TYPE_CHECKING:
    Field = tuple[str, Callable[[Any], bool] | tuple[Any, ...], bool, str]


def faults(fields: tuple[Field, ...], value: Any, path: str) -> list[str]:
    """`path: cause` for each attribute that breaks its declaration: (name, check or fields, required, type's name)."""
    if not isinstance(value, dict):
        return [f"{path}: expected an object"]
    found: list[str] = []
    for name, check, required, type_name in fields:
        attribute = value.get(name)
        if attribute is None:
            if required:
                found.append(f"{path}.{name}: missing")
        elif isinstance(check, tuple):
            found += faults(check, attribute, f"{path}.{name}")
        elif not check(attribute):
            found.append(f"{path}.{name}: expected {type_name}")
    return found


# ---- Values with errors: Kleene's table, for the full report only


class Once:
    """A value that is computed when first asked for, and then kept."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute: Callable[[], Any] | None = compute
        self._value: Any = None

    def __call__(self) -> Any:
        if self._compute is not None:
            self._value = complete(self._compute)
            self._compute = None
        return self._value


def complete(function: Callable[..., Any], *values: Any) -> Any:
    """The function of the values, or an error where a row cannot be loaded."""
    try:
        return function(*values)
    except Incomplete as failure:
        return Err(str(failure), incomplete=True)


def lift(function: Callable[..., Any], *values: Any) -> Any:
    """The function of the values, or the first of their errors."""
    errors = [value for value in values if type(value) is Err]
    return min(errors) if errors else complete(function, *values)


def kleene(decides: bool, *operands: Callable[[], Any]) -> Any:
    """`and` is decided by false, `or` by true: what decides wins over an error, an error over the rest."""
    errors: list[Err] = []
    for operand in operands:
        value = operand()
        if value is decides:
            return decides
        if type(value) is Err:
            errors.append(value)
    return min(errors) if errors else not decides


def negate(value: Any) -> Any:
    return value if type(value) is Err else not value


# ---- Rows


def load(entities: SupportsRows, org_id: str, type_name: str, id: str) -> Any:
    """A row, whatever it is; every exception of the entities means that it could not be loaded."""
    try:
        return entities.get(org_id, type_name, id)
    except Exception as failure:
        raise _incomplete(failure) from failure


def load_grants(entities: SupportsRows, key: tuple[str, str, str, str]) -> Iterable[Any]:
    """The grant rows on a record (organization, type, id) for a member, whatever they are."""
    try:
        return list(entities.grants(*key))
    except Exception as failure:
        raise _incomplete(failure) from failure


def _incomplete(failure: Exception) -> Incomplete:
    return failure if isinstance(failure, Incomplete) else Incomplete(type(failure).__name__)


def reference(entities: SupportsRows, org_id: str, type_name: str, id: str | None, find: Callable[..., Any]) -> Any:
    """The row that an id refers to, checked by `find`, or an error."""
    if id is None:
        return Err(f"no {type_name} is named")
    return find(entities, org_id, id) or Err(f"a {type_name} is missing")


class Entities:
    """Rows in memory, checked and indexed once: a snapshot, which later changes of `data` do not reach.

    `types` maps a row's type to (check, tenant key, id attribute); `grants` a kind of grant row to (check, the key's
    attributes in the order organization, type, id, member, the types that such rows are about).
    """

    __slots__ = ("_grants", "_rows", "above")

    def __init__(self, data: Any, types: dict[str, Any], grants: dict[str, Any]) -> None:
        if not isinstance(data, dict) or not all(isinstance(rows, list) for rows in data.values()):
            raise ValueError("data is not an object of arrays")
        self._rows: dict[tuple[str, str, str], dict[str, Any] | None] = {}
        self._grants: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self.above: dict[tuple[str, str, str], Any] = {}
        for type_name, (check, tenant_key, identity) in types.items():
            for row in data.get(type_name, ()):
                if check(row):
                    key = (row[tenant_key], type_name, row[identity])
                    self._rows[key] = None if key in self._rows else dict(row)
        for type_name, (check, names, types) in grants.items():
            for row in data.get(type_name, ()):
                if check(row) and row[names[1]] in types:
                    self._grants.setdefault(tuple([row[name] for name in names]), []).append(dict(row))

    def get(self, org_id: str, type_name: str, id: str) -> dict[str, Any] | None:
        """A copy of the one well-formed row with that key, or None: two are none."""
        row = self.row(org_id, type_name, id)
        return row and dict(row)

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> list[dict[str, Any]]:
        """Copies of the well-formed grant rows on that record for that member, whatever their roles and times."""
        return [dict(row) for row in self.grant_rows((org_id, type_name, id, member_id))]

    # Generated code reads the rows themselves, and does not check again what was checked here.

    def row(self, org_id: str, type_name: str, id: str) -> dict[str, Any] | None:
        return self._rows.get((org_id, type_name, id))

    def grant_rows(self, key: tuple[str, str, str, str]) -> Iterable[dict[str, Any]]:
        return self._grants.get(key, ())

    def remember(self, key: tuple[str, str, str], found: Any) -> None:
        """What holds the scope above a row. Only of rows that are here, so that requests cannot fill the memory."""
        if key in self._rows:
            self.above[key] = found


def never(resource: Any) -> bool:
    """What a malformed principal or context may do."""
    return False


# ---- Decisions


def denial(rules: list[str], reason: str, errors: list[str]) -> dict[str, Any]:
    return {"decision": "deny", "rules": rules, "reason": reason, "obligations": [], "errors": errors}


def report(
    permits: list[str],
    blocks: list[tuple[str, str]],
    obligations: list[tuple[Any, ...]],
    erring: list[tuple[str, Err]],
) -> dict[str, Any]:
    """The decision that follows: from the permits that hold, what blocks with its reason, obligations as pairs."""
    incomplete = {error.cause for _, error in erring if error.incomplete}
    if incomplete:
        return denial([], "A row could not be loaded.", sorted([f"incomplete: {cause}" for cause in incomplete]))
    errors = sorted([f"{id}: {error.cause}" for id, error in erring])
    if blocks or not permits:
        reason = " ".join(sorted({because for _, because in blocks if because}))
        reason = reason or ("A rule forbids it." if blocks else "No rule allows it.")
        return denial(sorted([id for id, _ in blocks]), reason, errors)
    return {
        "decision": "allow",
        "rules": sorted(permits),
        "reason": f"Allowed by {', '.join(sorted(permits))}.",
        "obligations": [dict(fields) for fields in sorted(set(obligations))],
        "errors": errors,
    }


def is_discharged(obligation: dict[str, Any], discharged: Collection[Any]) -> bool:
    """Whether this very obligation, name and fields, is among the discharged ones; `1` is not `true`."""
    for given in discharged:
        if type(given) is dict and len(given) == len(obligation):
            for name, value in obligation.items():
                other = given.get(name)
                if type(other) is not type(value) or other != value:
                    break
            else:
                return True
    return False
