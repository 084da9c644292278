"""One organization, put into requests: keys, projections, filters, conditions, items.

Each method takes a part of a request and gives it back bound, or raises Refused. A request is judged by itself: nothing
here knows what a table holds, so that a refusal tells nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from policyengine.resolvers.allowed import VALUES
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.expressions import Expression, fresh, names_of, values_of
from policyengine.resolvers.settings import Index, Settings, Table

Request = dict[str, Any]
Item = Mapping[str, Any]

EXISTS = ("attribute_exists", "attribute_not_exists")


class Form:
    """How values stand in requests: as Python's (`of` a boto3 table) or in DynamoDB's JSON (of a client)."""

    def __init__(self, native: bool) -> None:
        self.native = native

    def text(self, value: Any) -> str | None:
        """The text that a value is; None where it is none."""
        if self.native:
            return value if type(value) is str else None
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        return text if type(text) is str else None

    def value(self, text: str) -> Any:
        return text if self.native else {"S": text}


class Binding:
    """What binds requests to one organization.

    `finding` is told of what lenient mode lets pass: what strict would raise, the method, the table. None is strict.
    """

    def __init__(
        self, settings: Settings, tenant: str, form: Form, finding: Callable[[Refused, str, str], None] | None
    ) -> None:
        self.settings = settings
        self.tenant = tenant
        self.form = form
        self._attribute = settings.tenant
        self._finding = finding

    # ---- Tables, indexes, keys

    def table(self, name: Any) -> Table:
        found = self.settings.tables.get(name) if type(name) is str else None
        if found is None:
            raise Refused("table", "TableName")
        return found

    def index(self, table: Table, name: Any) -> Index:
        found = table.indexes.get(name) if type(name) is str else None
        if found is None:
            raise Refused("index", "IndexName")
        return found

    def is_own(self, value: Any, separator: str) -> bool:
        """Whether a value of a partition's attribute begins with the own organization."""
        text = self.form.text(value)
        return text is not None and text.startswith(self.tenant + separator)

    def key(self, table: Table, given: Any, parameter: str = "Key") -> None:
        """A key is whole, holds nothing else, and begins with the organization."""
        if type(given) is not dict or {*given} != {*table.keys.attributes}:
            raise Refused("key", parameter)
        self._bearing(table, given, parameter)

    def start(self, table: Table, index: Index, given: Any) -> None:
        """A cursor is a key too: of the table, and of the index that is read."""
        if type(given) is not dict or {*given} != {*table.keys.attributes, *index.attributes}:
            raise Refused("key", "ExclusiveStartKey")
        self._bearing(table, given, "ExclusiveStartKey")

    def _bearing(self, table: Table, given: Item, parameter: str) -> None:
        for attribute, separator in table.bearing.items():
            if attribute in given and not self.is_own(given[attribute], separator):
                raise Refused("key", parameter)

    # ---- What may be seen

    def is_visible(self, table: Table, item: Item) -> bool:
        """Whether an item that was read is the organization's, by its attribute and, where it shows, by its key."""
        if self.form.text(item.get(self._attribute)) != self.tenant:
            return False
        partition = item.get(table.keys.partition)
        return partition is None or self.is_own(partition, str(table.keys.separator))

    def projection(self, request: Request, needed: Collection[str], parameter: str = "") -> tuple[str, ...]:
        """Adds what has to be seen of each item to its projection; what was added is to be taken out again."""
        text = request.get("ProjectionExpression")
        names = names_of(parameter + "ExpressionAttributeNames", request.get("ExpressionAttributeNames"))
        if text is None:
            return ()
        place = parameter + "ProjectionExpression"
        projection = Expression(place, text, names, {})
        whole: set[str] = set()
        deeper: set[str] = set()
        for at, attribute in projection.mentions(dict.fromkeys(needed)):
            (deeper if projection.goes_deeper(at) else whole).add(attribute)
        if deeper:
            raise Refused("mention", place)
        added = tuple(sorted({*needed} - whole))
        for number, attribute in enumerate(added):
            placeholder = fresh(f"#own{number}", names)
            names[placeholder] = attribute
            text += f", {placeholder}"
        request["ProjectionExpression"] = text
        if names:
            request["ExpressionAttributeNames"] = names
        return added

    # ---- Filters and conditions

    def filter(self, table: Table, request: Request, method: str) -> str:
        """Binds a filter, and says what it was bound with.

        It is the one place where lenient mode lets a mention pass, for it is bound all the same.
        """
        given = self._given(request, "FilterExpression")
        if given is not None:
            wrong = self._mentions(table, given, exists=())
            if wrong and self._finding is None:
                raise Refused("mention", "FilterExpression")
            if wrong and self._finding is not None:
                self._finding(Refused("mention", "FilterExpression"), method, table.name)
        own = self._own(request)
        self._conjoin(request, "FilterExpression", given, own)
        return own

    def condition(self, table: Table, request: Request, parameter: str = "", or_absent: bool = False) -> None:
        """Binds a write: the item is the organization's, or, where it may be written anew, is not there."""
        given = self._given(request, "ConditionExpression", parameter)
        if given is not None and self._mentions(table, given, exists=(table.keys.partition,)):
            raise Refused("mention", parameter + "ConditionExpression")
        own = self._own(request)
        if or_absent:
            key = self._name(request, table.keys.partition)
            own = f"(attribute_not_exists({key}) OR {own})"
        self._conjoin(request, "ConditionExpression", given, own)

    def _given(self, request: Request, name: str, parameter: str = "") -> Expression | None:
        """The author's expression. Names and values are copied, whether there is one or not."""
        request["ExpressionAttributeNames"] = names_of(
            parameter + "ExpressionAttributeNames", request.get("ExpressionAttributeNames")
        )
        request["ExpressionAttributeValues"] = values_of(
            parameter + "ExpressionAttributeValues", request.get("ExpressionAttributeValues"), ":"
        )
        text = request.get(name)
        if text is None:
            return None
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        return Expression(parameter + name, text, names, values)

    def _mentions(self, table: Table, given: Expression, exists: Collection[str]) -> bool:
        """Whether it mentions tenant or keys in another way than by equality with the own organization."""
        bearing = table.bearing
        for place, attribute in given.mentions({self._attribute: None, **bearing}):
            value = given.equal_to(place)
            if attribute in bearing:
                fits = value is not None and self.is_own(value, bearing[attribute])
                fits = fits or (attribute in exists and given.asked_of(place) in EXISTS)
            else:
                fits = value is not None and self.form.text(value) == self.tenant
            if not fits:
                return True
        return False

    def _own(self, request: Request) -> str:
        values = request["ExpressionAttributeValues"]
        value = fresh(":own", values)
        values[value] = self.form.value(self.tenant)
        return f"{self._name(request, self._attribute)} = {value}"

    def _name(self, request: Request, attribute: str) -> str:
        names = request["ExpressionAttributeNames"]
        name = fresh("#own", names)
        names[name] = attribute
        return name

    def _conjoin(self, request: Request, name: str, given: Expression | None, own: str) -> None:
        request[name] = own if given is None else f"{given.operand} AND {own}"

    def key_condition(self, index: Index, request: Request) -> None:
        """The partition is pinned to one value, which begins with the organization; then nothing widens it."""
        given = self._given(request, "KeyConditionExpression")
        if given is None:
            raise Refused("key-condition", "KeyConditionExpression")
        if index.separator is None:
            return  # the filter alone binds; docs/aws-resolvers.md says what that costs
        places = [place for place, _ in given.mentions({index.partition: None})]
        pinned = [given.equal_to(place) for place in places]
        words = {sign.upper() for sign in given.signs}
        if len(pinned) != 1 or not self.is_own(pinned[0], index.separator) or words & {"OR", "NOT", "IN", "<>"}:
            raise Refused("key-condition", "KeyConditionExpression")

    # ---- What is written

    def item(self, table: Table, given: Any, parameter: str = "Item") -> Request:
        """An item to be put: its keys are the organization's; it names the organization, or is made to."""
        item = values_of(parameter, given)
        if not {*table.keys.attributes} <= {*item}:
            raise Refused("key", parameter)
        self._bearing(table, item, parameter)
        if self.form.text(item.setdefault(self._attribute, self.form.value(self.tenant))) != self.tenant:
            raise Refused("tenant", parameter)
        return item

    def update(self, table: Table, request: Request, parameter: str = "") -> None:
        """An update leaves the tenant alone. Of keys it sets those of an index, to what begins with the own tenant."""
        given = self._given(request, "UpdateExpression", parameter)
        if given is None:
            raise Refused("expression", parameter + "UpdateExpression")
        fixed = {self._attribute, *table.keys.attributes}
        for place, attribute in given.mentions({**dict.fromkeys(fixed), **table.bearing}):
            separator = None if attribute in fixed else table.bearing[attribute]
            if separator is None or not given.sets(place) or not self.is_own(given.equal_to(place), separator):
                raise Refused("mention", parameter + "UpdateExpression")


def one_of(request: Mapping[str, Any], parameter: str, allowed: Mapping[str, Any] = VALUES) -> Any:
    """A parameter's value, or None. Raises Refused where it is none of those that are let through."""
    value = request.get(parameter)
    if value is not None and (type(value) is not str or value not in allowed[parameter]):
        raise Refused("parameter", parameter)
    return value


def known(given: Mapping[str, Any], parameters: Collection[str], parameter: str = "") -> None:
    """Every parameter is one of these. What is no name at all is not repeated: it would stand in a record."""
    for name in given:
        if name not in parameters:
            raise Refused("parameter", parameter + (name if name.isidentifier() and len(name) <= 64 else "?"))
