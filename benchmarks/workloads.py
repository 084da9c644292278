"""What the benchmarks ask, made from a seed: people, records, folders and grant rows as a tenant has them.

Everything is well-formed, as behind a platform that writes its own rows; tests/worlds.py makes the hostile kind. All of
it has been JSON once, so that no two objects or texts are shared that would not be shared in life.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.source import Source
from tests import worlds

ROOT = Path(__file__).resolve().parent.parent
Object = dict[str, Any]
Ask = tuple[Object, Object, Object | None]
"""Who, about which record, in which context."""

TYPES = ("Host", "Host", "Diagram", "Procedure", "Memory", "Conversation", "File", "Folder")
MEMBERS, CHAINS, CHAIN, ORGANIZATIONS = 50, 30, 4, 3
DAY = "2026-06-01"

ORDINARY = {"own": 20, "ORG": 25, "PRIVATE": 8, "CUSTOM": 11, "CUSTOM, expiring": 11, "INHERIT": 25}
"""What is read, in parts of a hundred; `CUSTOM, expiring` by a grant with its hour, half of the time a past one."""


# ---- Single reads


@dataclass(frozen=True, slots=True)
class Reads:
    """Requests to read, and the rows beside them."""

    data: Object
    asks: list[Ask]
    text: str

    def hot(self) -> list[Ask]:
        """The same objects every time."""
        return self.asks

    def fresh(self) -> list[Ask]:
        """With records that have just been parsed: cold, with texts whose hashes nobody has computed."""
        records = json.loads(self.text)
        return [(who, record, context) for (who, _, context), record in zip(self.asks, records, strict=True)]


def reads(count: int, mix: Mapping[str, int] = ORDINARY, seed: int = 1) -> Reads:
    """So many reads of such kinds, by many people of a few organizations, beside twice as many grant rows."""
    tenants = _Tenants(Random(seed))
    kinds = tenants.rng.choices(list(mix), list(mix.values()), k=count)
    asks = [tenants.ask(kind) for kind in kinds]
    tenants.grant_at_random(2 * count)
    data, asks = json.loads(json.dumps([tenants.data, asks]))
    return Reads(data, [(who, record, context) for who, record, context in asks], json.dumps([ask[1] for ask in asks]))


class _Tenants:
    """Organizations that grow with what is asked about them."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.orgs = {self.id("org"): [self.id("user") for _ in range(MEMBERS)] for _ in range(ORGANIZATIONS)}
        self.chains = {org: [self.chain(org, CHAIN) for _ in range(CHAINS)] for org in self.orgs}
        folders = [folder for chains in self.chains.values() for chain in chains for folder in chain]
        self.grants: list[Object] = []
        self.data: Object = {"Folder": folders, "ResourceShareMember": self.grants}
        for org, chains in self.chains.items():
            for top, *_ in chains:
                for member in self.rng.sample(self.orgs[org], 10):
                    self.grant(top, member, org)

    def id(self, kind: str) -> str:
        return f"{kind}_{self.rng.getrandbits(64):016x}"

    def chain(self, org: str, length: int) -> list[Object]:
        """Folders from the top down; all but the first inherit."""
        top = self.record("Folder", org, self.rng.choice(("ORG", "CUSTOM", "CUSTOM", "PRIVATE")))
        chain = [top]
        for _ in range(length - 1):
            chain.append(self.record("Folder", org, "INHERIT", parent=chain[-1]["id"]))
        return chain

    def record(self, kind: str, org: str, scope: str, parent: str | None = None, owner: str | None = None) -> Object:
        owner = owner or self.rng.choice(self.orgs[org])
        made = {"type": kind, "id": self.id("record"), "orgId": org, "ownerId": owner, "scope": scope}
        return made | {"parentId": parent}

    def grant(self, on: Object, member: str, member_org: str, expires: str | None = None) -> None:
        row = {"orgId": on["orgId"], "resourceType": on["type"], "resourceId": on["id"]}
        row |= {"memberId": member, "memberOrgId": member_org, "role": self.rng.choice(("viewer", "viewer", "editor"))}
        self.grants.append(row | ({} if expires is None else {"expiresAt": expires}))

    def grant_at_random(self, count: int) -> None:
        for _ in range(count):
            org = self.rng.choice(list(self.orgs))
            self.grant(self.record("Host", org, "CUSTOM"), self.rng.choice(self.orgs[org]), org, self.expiry())

    def expiry(self) -> str:
        """An hour of the day, to the millisecond; `now` is around noon."""
        return f"{DAY}T{self.rng.randrange(24):02}:{self.rng.randrange(60):02}:00.{self.rng.randrange(1000):03}Z"

    def ask(self, kind: str) -> Ask:
        """Half of the requests carry a clock, and all that need it."""
        rng = self.rng
        org = rng.choice(list(self.orgs))
        who = {"id": rng.choice(self.orgs[org]), "orgId": org, "orgRole": rng.choice(("member", "member", "admin"))}
        context = {"now": f"{DAY}T12:00:{rng.randrange(60):02}Z"} if rng.random() < 0.5 or "expiring" in kind else None
        chosen = rng.choice(TYPES)
        scope = kind.partition(",")[0]
        if kind == "own":
            record = self.record(chosen, org, rng.choice(("PRIVATE", "ORG", "CUSTOM")), owner=who["id"])
        elif scope == "INHERIT":
            folder = rng.choice(rng.choice(self.chains[org]))
            record = self.record(chosen, org, scope, parent=folder["id"])
        elif scope == "CUSTOM":
            home = org if rng.random() < 0.9 else rng.choice(list(self.orgs))
            record = self.record(chosen, home, scope)
            if rng.random() < 0.9:
                self.grant(record, who["id"], org, self.expiry() if "expiring" in kind else None)
        else:
            record = self.record(chosen, org, scope)
        return who, record, context


# ---- Lists


@dataclass(frozen=True, slots=True)
class Listing:
    """One request to list: who, and the records to choose from, with the rows beside them."""

    data: Object
    who: Object
    context: Object
    records: list[Object]
    text: str

    def hot(self) -> list[Object]:
        return self.records

    def fresh(self) -> list[Object]:
        parsed: list[Object] = json.loads(self.text)
        return parsed


def listing(count: int, folders: int, depth: int = 8, seed: int = 2) -> Listing:
    """So many records of all types under so many folders, which hold their scope at most `depth` up.

    One record in twenty is of another organization.
    """
    tenants = _Tenants(Random(seed))
    rng, (org, *others) = tenants.rng, tenants.orgs
    who = {"id": rng.choice(tenants.orgs[org]), "orgId": org, "orgRole": "member"}
    chains = [tenants.chain(org, depth) for _ in range(max(1, folders // depth))]
    tenants.data["Folder"] += [folder for chain in chains for folder in chain]
    for top, *_ in chains:
        if rng.random() < 0.3:
            tenants.grant(top, who["id"], org, tenants.expiry() if rng.random() < 0.5 else None)
    records = []
    for _ in range(count):
        up = rng.randrange(depth + 1)
        home = org if rng.random() < 0.95 else rng.choice(others)
        if up and home == org:
            record = tenants.record(rng.choice(TYPES), org, "INHERIT", parent=rng.choice(chains)[up - 1]["id"])
        else:
            record = tenants.record(rng.choice(TYPES), home, rng.choice(("PRIVATE", "ORG", "CUSTOM")))
        if record["scope"] == "CUSTOM" and rng.random() < 0.3:
            tenants.grant(record, who["id"], org, tenants.expiry() if rng.random() < 0.5 else None)
        records.append(record)
    context = {"now": f"{DAY}T12:00:00Z"}
    data, who, context, records = json.loads(json.dumps([tenants.data, who, context, records]))
    return Listing(data, who, context, records, json.dumps(records))


# ---- Hostile requests


def hostile(count: int, seed: int = 3) -> Iterator[tuple[Object, list[Object]]]:
    """Worlds of tests/worlds.py, each with a hundred requests about it, as many as it takes."""
    rng = Random(seed)
    for _ in range(0, count, 100):
        data = worlds.world(rng)
        yield data, worlds.requests(rng, data, 100)


# ---- Rows without a check


class RowsOnly:
    """What a database gives: rows, found by their keys, that nobody has checked."""

    def __init__(self, data: Object) -> None:
        self._folders = {(row["orgId"], row["id"]): row for row in data["Folder"]}
        self._grants: dict[tuple[str, str, str, str], list[Object]] = {}
        for row in data["ResourceShareMember"]:
            key = (row["orgId"], row["resourceType"], row["resourceId"], row["memberId"])
            self._grants.setdefault(key, []).append(row)

    def get(self, org_id: str, type_name: str, id: str) -> Object | None:
        return self._folders.get((org_id, id)) if type_name == "Folder" else None

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> list[Object]:
        return self._grants.get((org_id, type_name, id, member_id), [])


# ---- Policy sets

VOCABULARY = """\
tenant Organization by orgId
enum OrgRole { member < admin }
principal User { id: Id as identity, orgId: Id of Organization, orgRole: OrgRole as role }
context { now: Time? from clock }

"""
KIND = (
    "resource Kind{} {{ id: Id as identity, orgId: Id of Organization, ownerId: Id as owner,"
    " level: Int, open: Bool }}\n"
)
ACTIONS = ("create", "read", "update", "delete", "approve")
RULES = (
    "permit further_{0}: {1} on {2} when resource.ownerId == principal.id\n",
    "permit further_{0}: {1} on {2} when resource.open and resource.level < {0}\n",
    "permit further_{0}: {1} on {2} when principal.orgRole == admin and resource.open\n",
    "forbid further_{0}: {1} on {2} when not resource.open and resource.level > {0}\n",
)
PER_KIND = 25
"""How many rules there are about one type: five an action."""


def policy_text(rules: int) -> str:
    """A whole policy set of so many rules of about 15 tokens; types grow with rules, five actions each."""
    return VOCABULARY + "".join(_on_kinds(rules, max(1, rules // PER_KIND), ACTIONS))


def one_cell_text(rules: int) -> str:
    """The same with all the rules on one action of one type."""
    return VOCABULARY + "".join(_on_kinds(rules, 1, ACTIONS[:1]))


def _on_kinds(rules: int, kinds: int, actions: tuple[str, ...]) -> Iterator[str]:
    yield from (KIND.format(number) for number in range(kinds))
    yield f"action {', '.join(actions)} on {', '.join(f'Kind{number}' for number in range(kinds))}\n\n"
    for number in range(rules):
        action = actions[number // kinds % len(actions)]
        yield RULES[number % len(RULES)].format(number, action, f"Kind{number % kinds}")


STUDIO_CELLS = tuple(
    (action, kind)
    for kind in ("Folder", "Host", "Diagram", "Procedure", "Memory", "Conversation", "File")
    for action in ("create", "update", "delete", "share", "revoke")
)
STUDIO_RULES = (
    'permit more_{0}: {1} on {2} when resource.ownerId == principal.id and resource.id != "{0}"\n',
    'forbid more_{0}: {1} on {2} when resource.id == "{0}" and principal.orgRole == member\n',
)


def further_rules(rules: int) -> str:
    """So many rules to put beside Studio's: one half on further types, one on Studio's actions other than to read."""
    on_kinds = rules - rules // 2
    beside = "".join(_on_kinds(on_kinds, max(1, on_kinds // PER_KIND), ACTIONS))
    return beside + "".join(
        STUDIO_RULES[number // len(STUDIO_CELLS) % len(STUDIO_RULES)].format(
            number, *STUDIO_CELLS[number % len(STUDIO_CELLS)]
        )
        for number in range(rules // 2)
    )


def studio_with(rules: int) -> Engine:
    """Studio's policies, and so many further rules."""
    files = (*sorted(ROOT.glob("policies/*.policy")), *sorted(ROOT.glob("schemas/*.schema")))
    sources = [Source(file.name, file.read_text("utf-8")) for file in files]
    return Engine(program_of(compile_sources([*sources, Source("further.policy", further_rules(rules))])))
