"""Creating, changing and deleting records: held before and after, as docs/studio.md, Writes, has it.

In: decisions (`Rows`), a store, what a client gave. Each write is one transaction, conditioned on the version of the
record on which it was decided, and on the grant rows and folders on which the decision rested. A folder counts its
children, so that it is deleted only when it has none; where a record stops being shared, or goes, all that hangs on it
goes in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from policyengine.resolvers.codes import Refused
from policyengine.resolvers.items import item_of
from policyengine.resolvers.layout import Key, record_key
from policyengine.resolvers.rows import Decision, Record, Rows
from policyengine.resolvers.sharing import TRIES, Around, around, everything, held
from policyengine.resolvers.store import MAX_ITEMS, Change, Conflict, Store, When

Attributes = Mapping[str, Any]


class TypeRules(NamedTuple):
    """How a type is written, as far as the policy has no word for it. What a client may write is not among it.

    `created` is written at creation, whatever a client says; `at_first` says which values an attribute may have then.
    `resets`: attributes that take a value whenever one of those named in `resetting` changes. The actions say which
    right each flow takes, and so which `writes` of the policy's `api` blocks are a client's then.
    """

    created: Mapping[str, Any] = {}
    at_first: Mapping[str, Collection[Any]] = {}
    resets: Mapping[str, Any] = {}
    resetting: frozenset[str] = frozenset()
    creating: str = "create"
    changing: str = "update"
    deleting: str = "delete"


def create(rows: Rows, store: Store, rules: TypeRules, type_name: str, id: str, given: Attributes) -> Record:
    """Writes a new record of the caller's, whose id the platform made. Raises Refused and Incomplete."""
    _only_content(rows, rules.creating, type_name, given)
    for name, values in rules.at_first.items():
        if given.get(name) is not None and given[name] not in values:
            raise Refused("content", name)
    identity, schema = rows.identity, rows.plans["types"][type_name]
    platform = {"type": type_name, schema["identity"]: id, rows.plans["tenant"]: identity.tenant, "version": 1}
    if schema["owner"]:
        platform[schema["owner"]] = identity.id
    record = {**_present(given), **rules.created, **platform}
    key = record_key(identity.tenant, type_name, id)
    for _ in range(TRIES):
        rows.anew()
        _well_formed(rows.check(rules.creating, record))
        rows.demand(rules.creating, record)
        parents = _counted(rows, store, None, _parent(rows, record))
        try:
            store.write(_resting([Change(key, When(there=False), row=record), *parents], rows.relied_on()))
            return record
        except Conflict:
            if store.get(key) is not None:
                raise Refused("busy", "id") from None
    raise Refused("busy", "parent")


def change(rows: Rows, store: Store, rules: TypeRules, type_name: str, id: str, given: Attributes) -> Record:
    """Changes a record of the own organization; None removes an attribute. Raises Refused and Incomplete.

    What the policy declares as `changing` takes the right that it names, on the record as it was.
    """
    _only_content(rows, rules.changing, type_name, given)
    for _ in range(TRIES):
        rows.anew()
        found = _found(rows, store, type_name, id)
        before = found.record
        changed = {name: value for name, value in given.items() if before.get(name) != value}
        if rules.resetting & changed.keys():
            changed |= rules.resets
        rows.demand(rules.changing, before)
        for attribute, types, needs in rows.plans["changing"]:
            if attribute in changed and type_name in types:
                rows.demand(needs, before)
        relied = rows.relied_on()
        after = _present({**before, **changed})
        if _parent(rows, after) == (type_name, id):
            raise Refused("parent", "parentId")
        _well_formed(rows.check(rules.changing, after))
        version = (before.get("version") or 0) + 1
        changes = [held(found, **changed, version=version)]
        if "parentId" in changed:
            changes += _counted(rows, store, _parent(rows, before), _parent(rows, after))
            relied = rows.relied_on()
        if before.get("scope") == "CUSTOM" != after.get("scope"):
            changes += everything(found, rows.identity.tenant)
        try:
            store.write(_resting(changes, relied))
            return {**after, "version": version, "shareVersion": (before.get("shareVersion") or 0) + 1}
        except Conflict:
            continue
    raise Refused("busy", "record")


def delete(rows: Rows, store: Store, rules: TypeRules, type_name: str, id: str) -> None:
    """Deletes a record with its grant rows, copies and wraps. Raises Refused (`children`: not empty) and Incomplete."""
    for _ in range(TRIES):
        rows.anew()
        found = _found(rows, store, type_name, id)
        rows.demand(rules.deleting, found.record)
        if found.record.get("children"):
            raise Refused("children", "id")
        gone = held(found)
        equal = {**gone.when.equal, "children": found.record.get("children")}
        changes = [Change(gone.key, When(equal, there=True)), *everything(found, rows.identity.tenant, True)]
        changes += _counted(rows, store, _parent(rows, found.record), None)
        try:
            store.write(_resting(changes, rows.relied_on()))
            return
        except Conflict:
            continue
    raise Refused("busy", "record")


def content_abroad(plans: Mapping[str, Any], type_name: str, action: str) -> frozenset[str]:
    """What a member of another organization may set of a record that was shared with him (`crossing.Shared.update`).

    It is what a client may write by this action, less what takes a right besides, and less what names a folder of the
    record's organization.
    """
    taken = {attribute for attribute, types, _ in plans["changing"] if type_name in types}
    inherits = plans["inherits"].get(type_name)
    return (
        frozenset(plans["writes"].get(type_name, {}).get(action, ())) - taken - ({inherits[2]} if inherits else set())
    )


def _resting(changes: list[Change], relied: Mapping[Key, Record]) -> list[Change]:
    """The changes, on condition that what the decisions rested on is as it was (docs/aws-resolver-rows.md, Writes).

    Raises Conflict where a change rests on another version of a row than the decision, and Refused (`full`).
    """
    named = {change.key: change.when.equal for change in changes}
    for key, row in relied.items():
        if "version" in named.get(key, {}) and named[key]["version"] != row.get("version"):
            raise Conflict
    checks = [Change(key, When(row, there=True), set={}) for key, row in relied.items() if key not in named]
    if len(changes) + len(checks) > MAX_ITEMS:
        raise Refused("full", "parentId")
    return [*changes, *checks]


def _found(rows: Rows, store: Store, type_name: str, id: str) -> Around:
    found = around(store, rows.identity.tenant, type_name, id)
    if found is None:
        raise Refused("absent", "record")
    return found


def _well_formed(decision: Decision) -> None:
    """That a record as it would be fits the schema; whether the caller may still change it then is not asked."""
    for error in decision["errors"]:
        if error.startswith("resource"):
            raise Refused("malformed", error.partition(":")[0])


def _only_content(rows: Rows, action: str, type_name: str, given: Attributes) -> None:
    """That the API's mapping lists all that is given, for this action on this type; where it lists none, nothing is."""
    content = rows.plans["writes"].get(type_name, {}).get(action, ())
    for name in given:
        if name not in content:
            raise Refused("content", name if name.isidentifier() else "attribute")
    try:
        item_of(given)
    except (TypeError, UnicodeEncodeError):
        raise Refused("malformed", "attribute") from None


def _present(attributes: Attributes) -> Record:
    return {name: value for name, value in attributes.items() if value is not None}


# ---- Folders: who may put something there, and how many there are


def _parent(rows: Rows, record: Record) -> tuple[str, str] | None:
    """The type and id of the folder that a record names, whether or not it inherits from it."""
    inherits = rows.plans["inherits"].get(record["type"])
    id = record.get(inherits[2]) if inherits else None
    return (inherits[3], id) if id is not None else None


def _may_fill(rows: Rows, folder: Record | None) -> None:
    if folder is None:
        raise Refused("parent", "parentId")
    try:
        rows.demand("update", folder)
    except Refused:  # a folder that the caller may not know of is not told apart from none
        raise Refused("parent", "parentId") from None


def _counted(rows: Rows, store: Store, old: tuple[str, str] | None, new: tuple[str, str] | None) -> list[Change]:
    """A record leaves one folder for another: the caller may change the new one, and both keep count."""
    changes = []
    for place, step in ((old, -1), (new, 1)):
        if place is None:
            continue
        key = record_key(rows.identity.tenant, *place)
        folder = store.get(key)
        if step > 0:
            _may_fill(rows, folder)
        if folder is None:  # the one that is left was deleted, or never there
            continue
        children = folder.get("children") or 0
        same = When({name: folder.get(name) for name in ("version", "children")}, there=True)
        changes.append(Change(key, same, set={"children": max(children + step, 0)}))
    return changes
