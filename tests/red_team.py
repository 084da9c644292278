"""Operations that somebody in one organization might try through the guard, and what each may tell him.

Two tables hold the same items of his organization; one of them also those of three others, filed where they belong and
where they do not. Whatever is asked, both must answer alike: then nothing foreign was read, counted, or told apart from
what is not there. And what is foreign must stay as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from policyengine.resolvers import Guard, Refused
from tests.dynamodb import TABLE, identity, studio_settings

Json = dict[str, Any]

OWN = "org_1"
OTHERS = ("org_10", "org_2", "org_3")
MARK = "FOREIGN"
"""Stands in each foreign item, and in nothing that is asked."""

TYPES = ("Host", "Folder")
IDS = ("h1", "h2", "h3", "h4")
STRAY = "stray"
"""Under an own key an item of another organization: no guarded write makes one. Only reads and conditional writes try."""

ALONE = ("get_item", "batch_get_item", "query", "scan", "put_item", "update_item", "delete_item", "batch_write_item")
TOGETHER = ("transact_get_items", "transact_write_items")


class Leak(AssertionError):
    """Something foreign was read, changed, counted, or told apart from absence."""


# ---- The tables


def typed(**attributes: Any) -> Json:
    return {name: {"S": value} if isinstance(value, str) else value for name, value in attributes.items()}


def item(tenant: str, type_name: str, id: str, sort: str = "record", **changed: str) -> Json:
    mark = {} if tenant == OWN else {"sealed": f"{MARK} {tenant} {id}"}
    places = {"kindKey": f"{tenant}#{type_name}", "memberKey": f"{tenant}#ann"}
    plain = {"pk": f"{tenant}#{type_name}#{id}", "sk": sort, "orgId": tenant, "name": id, **places, **mark, **changed}
    return {**typed(**plain), "amount": {"N": str(len(id) + len(tenant))}}


def own_items() -> list[Json]:
    records = [item(OWN, type_name, id) for type_name in TYPES for id in IDS[:3]]
    return [*records, item(OWN, "Host", "h1", "grant#org_1#bob"), item(OWN, "Host", "h1", "grant#org_1#eve")]


def foreign_items() -> list[Json]:
    """Filed under their own keys; listed where own items are; and under an own key."""
    filed = [item(tenant, type_name, id) for tenant in OTHERS for type_name in TYPES for id in IDS]
    listed = [item("org_2", "Host", f"x{number}", kindKey="org_1#Host", memberKey="org_1#ann") for number in range(5)]
    stray = [
        item("org_2", type_name, STRAY, sort, pk=f"org_1#{type_name}#{id}")
        for type_name in TYPES
        for id, sort in ((STRAY, "record"), ("h1", "stray"))
    ]
    return [*filed, *listed, *stray]


# ---- What is tried


class Tries:
    """Requests, drawn at random: most of them nearly right."""

    def __init__(self, rng: Random, methods: tuple[str, ...]) -> None:
        self.rng = rng
        self.methods = methods
        self._names: dict[str, str] = {}
        self._values: Json = {}

    def __iter__(self) -> Iterator[tuple[str, Json]]:
        while True:
            method = self.rng.choice(self.methods)
            yield method, getattr(self, method)()

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # ---- Parts

    def tenant(self, own: float = 0.85) -> str:
        if self.chance(own):
            return OWN
        return self.rng.choice((*OTHERS, "org_", "ORG_1", "", "org_1 ", "org_1#", "org_1#Host"))

    def partition(self, stray: bool = True) -> str:
        id = STRAY if stray and self.chance(0.15) else self.rng.choice(IDS)
        return f"{self.tenant()}#{self.rng.choice(TYPES)}#{id}"

    def sort(self, stray: bool = True) -> str:
        return self.rng.choice(("record", "record", "record", "grant#org_1#bob", *(["stray"] if stray else [])))

    def odd(self, value: Json) -> Any:
        """A value, now and then of another form."""
        if self.chance(0.97):
            return value
        text = value.get("S", "")
        return self.rng.choice(({"B": text.encode()}, {"SS": [text or "x"]}, {"S": text, "N": "1"}, text, None, {}))

    def key(self, stray: bool = True) -> Any:
        made: Json = {"pk": self.odd({"S": self.partition(stray)}), "sk": self.odd({"S": self.sort(stray)})}
        if self.chance(0.03):
            made[self.rng.choice(("orgId", "kindKey"))] = {"S": self.tenant(0.5)}
        if self.chance(0.02):
            del made["sk"]
        return made

    def written(self, stray: bool = False) -> Json:
        tenant, type_name = self.tenant(0.93), self.rng.choice(TYPES)
        made = item(OWN, type_name, self.rng.choice(IDS), self.sort(stray))
        made["name"] = {"S": self.rng.choice(IDS)}
        if self.chance(0.2):
            del made[self.rng.choice(("orgId", "kindKey", "memberKey", "name"))]
        if tenant != OWN:
            place = self.rng.choice(("pk", "orgId", "orgId", "kindKey", "memberKey"))
            made[place] = {"S": tenant if place == "orgId" else f"{tenant}#{type_name}#{self.rng.choice(IDS)}"}
        return made

    # ---- Expressions

    def name(self, attribute: str) -> str:
        """An attribute, as it is or by a placeholder."""
        if attribute == "name" or self.chance(0.5):  # `name` is a reserved word
            placeholder = self.rng.choice(("#a", "#own", "#own0", "#b", "#seen"))
            if self._names.setdefault(placeholder, attribute) == attribute:
                return placeholder
            placeholder = f"#n{len(self._names)}"
            self._names[placeholder] = attribute
            return placeholder
        return attribute

    def value(self, value: Json) -> str:
        placeholder = self.rng.choice((":a", ":own", ":own_", ":b"))
        if placeholder in self._values:
            placeholder = f":v{len(self._values)}"
        self._values[placeholder] = self.odd(value)
        return placeholder

    def any_value(self) -> Json:
        texts = (
            *IDS,
            OWN,
            *OTHERS,
            f"{OWN}#ann",
            f"{OWN}#Host",
            "org_2#Host",
            "org_1#Host#h1",
            "org_2#Host#h1",
            "",
            "o",
        )
        return self.rng.choice([{"S": text} for text in texts] + [{"N": "7"}, {"BOOL": True}])

    def attribute(self, bound: float = 0.04) -> str:
        """Of items at large, and now and then one that binds them."""
        if self.chance(bound):
            return self.rng.choice(("orgId", "orgId", "pk", "kindKey", "memberKey"))
        return self.rng.choice(("name", "sealed", "amount", "absent1", "name", "sk" if self.chance(0.1) else "amount"))

    def condition(self, depth: int = 2) -> str:
        if depth and self.chance(0.45):
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            joined = f"{left} {self.rng.choice(('AND', 'OR', 'OR', 'or'))} {right}"
            return joined if depth == 2 else f"({joined})"
        if depth and self.chance(0.15):
            return f"NOT ({self.condition(0)} OR {self.condition(0)})"
        if self.chance(0.05):
            return self.attack()
        name, value = self.name(self.attribute()), self.any_value
        form = self.rng.choice(range(9))
        if form < 4:
            return f"{name} {self.rng.choice(('=', '<>', '<', '>='))} {self.value(value())}"
        if form == 4:
            return f"{name} BETWEEN {self.value({'S': ''})} AND {self.value({'S': '~'})}"
        if form == 5:
            return f"{name} IN ({self.value(value())}, {self.value(value())})"
        if form == 6:
            return f"{self.rng.choice(('begins_with', 'contains'))}({name}, {self.value({'S': 'FOR'[: self.rng.randrange(1, 3)]})})"
        if form == 7:
            return f"{self.rng.choice(('attribute_exists', 'attribute_not_exists'))}({name})"
        return f"size({name}) > {self.value({'N': '3'})}"

    def attack(self) -> str:
        their, mine = self.value({"S": "org_2"}), self.value({"S": OWN})
        templates = (
            f"orgId = {mine}) OR (orgId = {their}",
            f"orgId = {their}",
            f"orgId = {mine} OR orgId = {their}",
            f"orgId = {mine}",
            f"{mine} = orgId",
            f"orgId <> {mine} AND NOT orgId = {their}",
            f"attribute_exists(sealed) -- {mine} {their}",
            f"attribute_exists(sealed)) OR (attribute_exists(sealed) OR {mine} = {their}",
            f"NOT orgId = {mine} AND orgId <> {their}",
            f"begins_with(pk, {their}) OR begins_with(pk, {mine})",
            f"orgId IN ({mine}, {their})",
            f"((orgId = {mine} OR orgId = {their}))",
            f"orgId[0] = {mine} OR orgId.x = {their}",
        )
        return self.rng.choice(templates)

    def projected(self) -> str:
        attributes = ["name", "sealed", "amount", "sk", "absent1", *(["orgId", "pk"] if self.chance(0.3) else [])]
        chosen = self.rng.sample(attributes, self.rng.randrange(1, 4))
        return ", ".join(dict.fromkeys(self.name(attribute) for attribute in chosen))

    def started(self) -> None:
        self._names, self._values = {}, {}

    def finished(self, request: Json, values: bool = True) -> Json:
        """With the placeholders that its expressions use, and now and then a parameter that is not its own."""
        if self._names:
            request["ExpressionAttributeNames"] = self._names
        if self._values and values:
            request["ExpressionAttributeValues"] = self._values
        if self.chance(0.02):
            request.get("ExpressionAttributeNames", {}).pop(self.rng.choice(("#a", "#own", "#b")), None)
        if self.chance(0.03):
            request.update(self.rng.choice(FORBIDDEN))
        return request

    # ---- Requests

    def get_item(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table(), "Key": self.key()}
        if self.chance(0.5):
            request["ProjectionExpression"] = self.projected()
        return self.finished(request, values=False)

    def table(self) -> str:
        return TABLE if self.chance(0.99) else self.rng.choice(("Other", f"arn:aws:dynamodb:us-east-1:1:table/{TABLE}"))

    def batch_get_item(self) -> Json:
        self.started()
        keys = [self.key() for _ in range(self.rng.randrange(1, 4))]
        unique = [key for number, key in enumerate(keys) if key not in keys[:number]]
        part: Json = {"Keys": unique}
        if self.chance(0.3):
            part["ProjectionExpression"] = self.projected()
        return {"RequestItems": {self.table(): self.finished(part, values=False)}}

    def query(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table()}
        index = self.rng.choice((None, None, ("StudioByKind", "kindKey"), ("StudioByMember", "memberKey")))
        if index is None:
            pinned = self.partition()
        else:
            request["IndexName"] = index[0]
            pinned = f"{self.tenant()}#{'ann' if index[1] == 'memberKey' else self.rng.choice(TYPES)}"
        attribute = self.name("pk" if index is None else index[1])
        condition = f"{attribute} = {self.value({'S': pinned})}"
        if self.chance(0.3):
            condition += f" AND begins_with(sk, {self.value({'S': 'g'})})"
        elif self.chance(0.05):
            condition = self.rng.choice((
                f"{condition} OR {attribute} = {self.value({'S': 'org_2#Host#h1'})}",
                f"begins_with({attribute}, {self.value({'S': 'org_'})})",
                f"NOT {condition}",
                f"{attribute} BETWEEN {self.value({'S': 'org_1'})} AND {self.value({'S': 'org_3'})}",
                self.attack(),
            ))  # fmt: skip
        request["KeyConditionExpression"] = condition
        return self.pages(request, index[1] if index else None)

    def scan(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table()}
        index = self.rng.choice((None, None, None, ("StudioByKind", "kindKey")))
        if index:
            request["IndexName"] = index[0]
        if self.chance(0.1):
            request.update(TotalSegments=2, Segment=self.rng.randrange(2))
        return self.pages(request, index[1] if index else None)

    def pages(self, request: Json, listed: str | None) -> Json:
        if self.chance(0.6):
            request["FilterExpression"] = self.condition()
        if self.chance(0.3):
            request["ProjectionExpression"] = self.projected()
        elif self.chance(0.2):
            request["Select"] = self.rng.choice(("COUNT", "COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"))
        if self.chance(0.5):
            request["Limit"] = self.rng.choice((1, 1, 2, 3, 7))
        if self.chance(0.15):
            start = {"pk": {"S": self.partition()}, "sk": {"S": self.sort()}}
            request["ExclusiveStartKey"] = {**start, **({listed: {"S": f"{self.tenant()}#Host"}} if listed else {})}
        if self.chance(0.2) and "TotalSegments" not in request and "KeyConditionExpression" in request:
            request["ScanIndexForward"] = False
        return self.finished(request)

    def checked(self, request: Json, share: float = 0.4) -> Json:
        if self.chance(share):
            request["ConditionExpression"] = self.condition(1) if self.chance(0.8) else "attribute_exists(pk)"
        if self.chance(0.3):
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return self.finished(request)

    def put_item(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table(), "Item": self.written()}
        if self.chance(0.4):
            request["ReturnValues"] = self.rng.choice(("ALL_OLD", "ALL_OLD", "NONE", "ALL_NEW"))
        return self.checked(request)

    def update_item(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table(), "Key": self.key(), "UpdateExpression": self.change()}
        if self.chance(0.5):
            request["ReturnValues"] = self.rng.choice(("ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"))
        return self.checked(request)

    def change(self) -> str:
        form = self.rng.randrange(10)
        if form == 0:
            return f"REMOVE {self.name(self.attribute(0.1))}"
        if form == 1:
            return f"SET extra = {self.name(self.rng.choice(('sealed', 'name', 'orgId', 'amount')))}"
        if form == 2:
            return f"SET extra = if_not_exists({self.name('sealed')}, {self.value({'S': 'x'})})"
        if form == 3:
            return f"ADD amount {self.value({'N': '1'})}"
        if form == 4:
            listed = self.value({"S": f"{self.tenant()}#ann"})
            return f"SET memberKey = {listed}, extra = {self.value({'S': OWN})}"
        return f"SET {self.name(self.attribute(0.08))} = {self.value(self.any_value())}"

    def delete_item(self) -> Json:
        self.started()
        request: Json = {"TableName": self.table(), "Key": self.key()}
        if self.chance(0.5):
            request["ReturnValues"] = "ALL_OLD"
        return self.checked(request)

    def batch_write_item(self) -> Json:
        writes: list[Json] = []
        for _ in range(self.rng.randrange(1, 3)):
            if self.chance(0.5):
                writes.append({"PutRequest": {"Item": self.written()}})
            else:
                writes.append({"DeleteRequest": {"Key": self.key(stray=False)}})
        return {"RequestItems": {self.table(): writes}}

    def transact_get_items(self) -> Json:
        return {"TransactItems": [{"Get": self.get_item()} for _ in range(self.rng.randrange(1, 4))]}

    def transact_write_items(self) -> Json:
        kinds = {
            "Put": self.put_item,
            "Update": self.update_item,
            "Delete": self.delete_item,
            "ConditionCheck": self.delete_item,
        }
        parts: list[Json] = []
        for _ in range(self.rng.randrange(1, 4)):
            kind = self.rng.choice([*kinds])
            part = kinds[kind]()
            if self.chance(0.95):
                part.pop("ReturnValues", None)
            if kind == "ConditionCheck":
                part.setdefault("ConditionExpression", "attribute_exists(pk)")
            parts.append({kind: part})
        request: Json = {"TransactItems": parts}
        if self.chance(0.1):
            request["ReturnConsumedCapacity"] = "TOTAL"
        return request


FORBIDDEN: tuple[Json, ...] = (
    {"ReturnConsumedCapacity": "TOTAL"},
    {"ReturnConsumedCapacity": "INDEXES"},
    {"ReturnItemCollectionMetrics": "SIZE"},
    {"AttributesToGet": ["sealed"]},
    {"ConditionalOperator": "OR"},
    {"Expected": {"orgId": {"Exists": False}}},
    {"AttributeUpdates": {"orgId": {"Value": {"S": "org_2"}, "Action": "PUT"}}},
    {"KeyConditions": {"pk": {"AttributeValueList": [{"S": "org_2#Host#h1"}], "ComparisonOperator": "EQ"}}},
    {"QueryFilter": {"orgId": {"AttributeValueList": [{"S": "org_2"}], "ComparisonOperator": "EQ"}}},
    {"ScanFilter": {"orgId": {"AttributeValueList": [{"S": "org_2"}], "ComparisonOperator": "EQ"}}},
    {"Statement": "SELECT * FROM StudioRecords"},
)


# ---- Filling


def fill(client: Any, items: list[Json]) -> None:
    """The table then holds these items alone."""
    held = client.scan(TableName=TABLE, ProjectionExpression="pk, sk")["Items"]
    write(client, [{"DeleteRequest": {"Key": each}} for each in held])
    put_all(client, items)


def put_all(client: Any, items: list[Json]) -> None:
    write(client, [{"PutRequest": {"Item": each}} for each in items])


def write(client: Any, writes: list[Json]) -> None:
    for first in range(0, len(writes), 25):
        client.batch_write_item(RequestItems={TABLE: writes[first : first + 25]})


def native(value: Any) -> Any:
    """A request as a boto3 table takes it."""
    if isinstance(value, list):
        return [native(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and {*value} <= {"S", "N", "B", "BOOL", "SS"}:
        ((kind, content),) = value.items()
        return Decimal(content) if kind == "N" else set(content) if kind == "SS" else content
    return {name: native(each) for name, each in value.items()}


# ---- What it may tell


REASONS = {"None", "ConditionalCheckFailed", "ValidationError"}
"""Why DynamoDB cancels a transaction of one alone (Amazon DynamoDB API Reference, TransactWriteItems)."""


def said(call: Callable[..., Json], request: Json) -> tuple[str, Any]:
    """How an operation ended, and what its caller then holds. What differs between two calls anyway is left out."""
    try:
        answer = call(**request)
    except Refused as refusal:
        return "refused", (refusal.code, str(refusal))
    except ClientError as problem:
        reasons = {reason["Code"] for reason in problem.response.get("CancellationReasons", ())}
        if not reasons <= REASONS:  # an error of Python, inside a transaction of moto
            return "broken", sorted(reasons - REASONS)
        answer = {**problem.response, "raised": type(problem).__name__}
    except BotoCoreError as problem:  # the request breaks the service's model
        return "malformed", str(problem)
    except Exception as problem:
        if "/moto/" not in raised_in(problem):
            raise
        return "broken", type(problem).__name__
    answer["ResponseMetadata"].pop("RequestId", None)
    for items in answer.get("Responses", {}).values() if isinstance(answer.get("Responses"), dict) else ():
        items.sort(key=str)  # a batch has no order
    return ("failed" if "raised" in answer else "answered"), answer


def raised_in(problem: BaseException) -> str:
    """The file of the place where an error was raised: moto breaks on comparisons that DynamoDB answers."""
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place.tb_frame.f_code.co_filename if place else ""


class Attack:
    """One run: the tables with and without what is foreign, and what was tried so far."""

    def __init__(
        self,
        full: Any,
        bare: Any,
        mode: Any = "strict",
        around: Any = None,
        form: Callable[[Any], Any] = dict,
    ) -> None:
        """`full` and `bare` are clients whose tables are there; what they hold is replaced.

        `around` are two others of the same tables, to guard in their place; `form` is how they take requests.
        """
        self.full, self.bare = full, bare
        self.form = form
        self.reset()
        self.before = self.rows(full, foreign=True)
        self.guards = [
            Guard(identity(OWN), studio_settings(), client, role=None, mode=mode, log=lambda record: None)
            for client in (around or (full, bare))
        ]
        self.seen: Counter[str] = Counter()

    def reset(self) -> None:
        for client, items in ((self.full, own_items() + foreign_items()), (self.bare, own_items())):
            fill(client, items)

    @staticmethod
    def rows(client: Any, foreign: bool) -> list[str]:
        found = [str(sorted(each.items())) for each in client.scan(TableName=TABLE)["Items"]]
        return sorted(each for each in found if (MARK in each) == foreign)

    def run(self, seed: int, count: int, methods: tuple[str, ...] = ALONE, every: int = 500) -> Counter[str]:
        """So many tries, with a look at both tables after `every` so many. Raises Leak at the first that tells."""
        tries = iter(Tries(Random(seed), methods))
        for number in range(count):
            method, request = next(tries)
            request = self.form(request)
            told = [said(getattr(guard, method), request) for guard in self.guards]
            if "broken" in (told[0][0], told[1][0]):
                self.seen["broken"] += 1
                self.reset()
                continue
            if told[0] != told[1] or MARK in str(told):
                raise Leak(
                    f"seed {seed}, try {number}: {method} {request}\n  beside others {told[0]}\n  alone {told[1]}"
                )
            self.seen[f"{method} {told[0][0]}"] += 1
            if told[0][0] == "refused":
                self.seen[f"code {told[0][1][0]}"] += 1
            if number % every == every - 1:
                self.check(f"seed {seed}, after try {number}")
                for client in (self.full, self.bare):
                    put_all(client, own_items())
        self.check(f"seed {seed}, at the end")
        return self.seen

    def check(self, when: str) -> None:
        if self.rows(self.full, foreign=True) != self.before:
            raise Leak(f"{when}: what is foreign was changed")
        if self.rows(self.full, foreign=False) != self.rows(self.bare, foreign=False):
            raise Leak(f"{when}: own items differ where there are others")
        for each in self.bare.scan(TableName=TABLE)["Items"]:
            places = [each[name].get("S", "") for name in ("pk", "kindKey", "memberKey") if name in each]
            if each.get("orgId") != {"S": OWN} or not all(place.startswith(f"{OWN}#") for place in places):
                raise Leak(f"{when}: an item was filed with another organization: {each}")
