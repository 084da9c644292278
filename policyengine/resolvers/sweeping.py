"""The sweeper: what time leaves behind. It grants nothing, and may run at any time, and again.

Wraps without a live grant go, with grants and intents whose time is over; and, when a membership ends, every row that
names the member, and the crossing rows on the records that he owned (docs/studio.md, Writes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.layout import GRANT, INTENT, WRAP, partition_of
from policyengine.resolvers.sharing import (
    TRIES,
    Around,
    Target,
    around,
    everything,
    held,
    is_live,
    removed,
    since_1970,
    target_of,
)
from policyengine.resolvers.store import Change, Conflict, Store, When

Place = tuple[str, str, str]
"""A record by organization, type and id."""


def sweep_record(store: Store, place: Place, now: int) -> int:
    """Removes what no longer counts beside one record, and says how much. `now` in nanoseconds, as `instant` counts.

    Raises Incomplete, also where others kept writing the record: it is not swept then.
    """
    return _clean(store, place, partial(_stale, now=now))


def sweep_member(store: Store, org_id: str, member_id: str, owned: Iterable[Place], now: int) -> int:
    """After a membership ended: every row that names the member, and the crossing rows on what he owned.

    `owned` are the records of the organization that he owned: the caller lists them by type. An intent that he left, or
    that names him, can become a grant until it closes: sweep again after INTENT_SECONDS. Raises Incomplete: then too.
    """
    count = 0
    for _, copy in store.partition(partition_of(org_id, "@member", member_id)):
        target = Target(copy["originId"], copy["resourceType"], copy["resourceId"], member_id, org_id)
        count += _clean(store, target.record, partial(removed, target=target, now=now)) or _alone(store, target)
    for place in owned:
        count += _clean(store, place, partial(_crossing, now=now))
    return count


def _alone(store: Store, target: Target) -> int:
    """A copy whose grant row is gone: nothing hangs on it, unless a grant is made meanwhile."""
    for _ in range(TRIES):
        if store.get(target.grant) is not None:
            return 0
        try:
            store.write([Change(target.copy), Change(target.grant, When(there=False), set={})])
            return 1
        except Conflict:
            continue
    raise Incomplete("throttled")


def _clean(store: Store, place: Place, gone: Callable[[Around], list[Change]]) -> int:
    for _ in range(TRIES):
        found = around(store, *place)
        changes = gone(found) if found else []
        if not changes:
            return 0
        try:
            assert found is not None
            store.write([held(found), *changes])
            return len(changes)
        except Conflict:
            continue
    raise Incomplete("throttled")


def _stale(found: Around, now: int) -> list[Change]:
    org_id = found.record["orgId"]
    if found.record.get("scope") != "CUSTOM":
        return everything(found, org_id)
    gone = []
    for key, row in found.rows.items():
        if key.place.startswith(GRANT) and not is_live(row, now):
            gone += [Change(key), Change(target_of(row).copy)]
        elif key.place.startswith(INTENT) and row["until"] <= since_1970(now):
            gone.append(Change(key))
        elif key.place.startswith(WRAP):
            for_org_id = key.place.removeprefix(WRAP)
            if for_org_id != org_id and not found.live_grants(for_org_id, now):
                gone.append(Change(key))
    return gone


def _crossing(found: Around, now: int) -> list[Change]:
    """All grants to other organizations, intents among them, and their wraps."""
    org_id = found.record["orgId"]
    targets = {target_of(row) for row in (*found.named(GRANT).values(), *found.named(INTENT).values())}
    gone = {change.key: change for target in targets if target.crosses for change in removed(found, target, now)}
    wraps = [key for key in found.named(WRAP) if key.place != f"{WRAP}{org_id}"]
    return [*gone.values(), *(Change(key) for key in wraps if key not in gone)]
