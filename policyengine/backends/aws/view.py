"""The `aws` block and the schema as the documents need them: names, ARNs, condition keys."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.settings import (
    ALWAYS,
    ANY,
    CONCERNS,
    CROSSING,
    DIRECT,
    FREE_WORDS,
    NAME,
    NEVER,
    SETTINGS,
    Setting,
)
from policyengine.ir.nodes import Program
from policyengine.model.schema import Resource


def file_of(role: str) -> str:
    """How the files of a role begin, by its name in the `aws` block."""
    return {"tenant_data": "tenant"}.get(role, role.replace("_", "-"))


@dataclass(frozen=True)
class Aws:
    """Settings and schema as the documents need them: names, ARNs, condition keys."""

    program: Program
    values: Mapping[tuple[str, str], str]

    def one(self, kind: str, name: str = "") -> str:
        """A setting's text. Raises Refused where it is missing and has no default."""
        row = next(row for row in SETTINGS if row.kind == kind and row.name in (name, ANY))
        found = self.values.get((kind, name), row.default)
        if found is None:
            raise _missing(f"{kind} {name}".strip(), row.wanted)
        return found

    def named(self, kind: str) -> dict[str, str]:
        """All settings of a kind by name, sorted."""
        return {name: value for (k, name), value in sorted(self.values.items()) if k == kind}

    # ---- What the policy set says

    @property
    def tenant(self) -> str:
        return self.program.schema.tenant

    @property
    def tenant_key(self) -> str:
        """The name of the tag, of the pair of the context, and of what partition keys begin with."""
        return self.program.schema.tenant_key

    @cached_property
    def crossing_types(self) -> tuple[str, ...]:
        """The types whose records can be shared with another tenant, without those that only hold others' scope."""
        schema = self.program.schema
        parents = {inheritance.parent_type for _, inheritance in schema.inheritance}
        return tuple(sorted({t for g in schema.grants if g.crosses for t in g.types} - parents))

    @cached_property
    def record_names(self) -> tuple[str, str] | tuple[()]:
        """How a row names a record: its type, its id. Wraps of records are bound by the same two names."""
        pairs = sorted({(grant.resource_type, grant.resource_id) for grant in self.program.schema.grants})
        if len(pairs) > 1:
            names = " and ".join(f"`{one}, {other}`" for one, other in pairs)
            mend = "name a record in one way: the context of a wrap has room for one"
            raise Refused("aws-context-names", f"grants name records by {names}", mend)
        return pairs[0] if pairs else ()

    @property
    def context_names(self) -> tuple[str, ...]:
        """The names that an encryption context may have."""
        return (self.tenant_key, *self.record_names, self.one("context_version"))

    @cached_property
    def governed(self) -> tuple[Resource, ...]:
        """The types whose rows the documents keep apart: what tables hold, or all where one can hold anything."""
        schema, held = self.program.schema, self.named("holds")
        if not held or set(held) < set(self.named("table")):
            return schema.resources
        words = {word for value in held.values() for word in value.split()}
        return tuple(resource for resource in schema.resources if resource.name in words)

    # ---- Condition keys

    @property
    def tenant_tag(self) -> str:
        return f"aws:PrincipalTag/{self.tenant_key}"

    @property
    def user_tag(self) -> str:
        return f"aws:PrincipalTag/{self.one('tag', 'user_id')}"

    @property
    def tags(self) -> tuple[str, str]:
        """The tags that a user's session carries."""
        return self.tenant_key, self.one("tag", "user_id")

    @property
    def its_tenant(self) -> str:
        """The variable that stands for the tenant of the session."""
        return f"${{{self.tenant_tag}}}"

    @property
    def tenant_context(self) -> str:
        return f"kms:EncryptionContext:{self.tenant_key}"

    # ---- ARNs

    def role(self, name: str) -> str:
        return self._iam(f"role/{self.one('role', name)}")

    def operator(self, name: str) -> str:
        return self._iam(self.one("assumed_by", name))

    def bucket_roles(self) -> list[str]:
        return [self._iam(f"role/{value}") for value in self.named("bucket_role").values()]

    @property
    def account_root(self) -> str:
        return self._iam("root")

    @property
    def boundary(self) -> str:
        return self._iam(f"policy/{self.boundary_name}")

    @property
    def boundary_name(self) -> str:
        return f"{self.one('role', 'authenticated')}Boundary"

    @property
    def oidc_provider(self) -> str:
        return self._iam(f"oidc-provider/{self.one('issuer').removeprefix('https://')}")

    def here(self, service: str, resource: str) -> str:
        """An ARN in the region and the account."""
        return f"arn:{self.one('partition')}:{service}:{self.one('region')}:{self.one('account')}:{resource}"

    def foundation_model(self, model: str) -> str:
        """A model is of no account."""
        return f"arn:{self.one('partition')}:bedrock:{self.one('region')}::foundation-model/{model}"

    @property
    def bucket(self) -> str:
        return f"arn:{self.one('partition')}:s3:::{self.one('bucket', 'objects')}"

    def table(self, name: str) -> str:
        return self.here("dynamodb", f"table/{self.one('table', name)}")

    def index(self, name: str) -> str:
        table, _, index = self.one("index", name).partition("/")
        return f"{self.table(table)}/index/{index}"

    def separator(self, name: str) -> str | None:
        """What ends the tenant's id in a partition key, of a table or index; None if the key does not begin with it."""
        found = re.match(r"tenant([^a-z])", self.one("key", name))
        return found[1] if found else None

    def _iam(self, resource: str) -> str:
        return f"arn:{self.one('partition')}:iam::{self.one('account')}:{resource}"

    def by_separator(self, names: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
        """Tables or indexes whose key begins with the tenant, together where they set it apart in one way."""
        found = sorted((separator, name) for name in names if (separator := self.separator(name)))
        for separator in sorted({separator for separator, _ in found}):
            yield separator, [name for each, name in found if each == separator]


# ---- Reading, and what no single setting can be blamed for


def read_settings(program: Program) -> Aws:
    """The settings of a program, each checked against its row. Raises Refused at the first that is wrong."""
    rows = {(row.kind, row.name): row for row in SETTINGS}
    kinds = {row.kind for row in SETTINGS}
    values: dict[tuple[str, str], str] = {}
    for kind, name, value in program.aws:
        words = f"{kind} {name}".strip()
        row = rows.get((kind, name)) or rows.get((kind, ANY if name else ""))
        if row is None:
            raise _unknown(words, kind, kinds)
        if row.name == ANY and not re.fullmatch(NAME, name):
            raise Refused("aws-setting-name", f"`{words}`: `{name}` is no name", f"use {NAME}", words)
        if not re.fullmatch(row.form, value, re.ASCII):
            raise Refused(
                "aws-setting-value", f"`{words}` in the `aws` block is `{value}`", f"give {row.wanted}", words
            )
        values[kind, name] = value
    aws = Aws(program, values)
    for row in SETTINGS:
        if row.name != ANY and (row.kind, row.name) not in values and _is_needed(row, aws):
            raise _missing(row.words, row.wanted)
    for check in (_audience, _roles, _names, _tables, _held, _answers):
        check(aws)
    return aws


def _is_needed(row: Setting, aws: Aws) -> bool:
    needed = {ALWAYS: True, NEVER: False, CROSSING: bool(aws.crossing_types), DIRECT: bool(aws.named("direct_field"))}
    return needed[row.needed]


def _missing(words: str, wanted: str) -> Refused:
    return Refused("aws-setting-missing", f"the `aws` block has no `{words}`", f'add `{words} "..."`: {wanted}', words)


def _unknown(words: str, kind: str, kinds: set[str]) -> Refused:
    near = [f"{row.words}" for row in SETTINGS if row.kind == kind] or difflib.get_close_matches(kind, kinds, 1)
    mend = f"there is {', '.join(f'`{word}`' for word in near)}" if near else f"there are: {', '.join(sorted(kinds))}"
    return Refused("aws-setting-unknown", f"the `aws` block has no setting `{words}`", mend, words)


def _audience(aws: Aws) -> None:
    if not aws.named("audience"):
        raise _missing("audience NAME", "a client id: what the token's `azp` or `aud` holds")


def _roles(aws: Aws) -> None:
    """Two names for one role would give each the other's exemptions; IAM compares names without case."""
    roles = {f"{kind} {name}": value for kind in ("role", "bucket_role") for name, value in aws.named(kind).items()}
    times = Counter(value.lower() for value in roles.values())
    for words, value in roles.items():
        if times[value.lower()] > 1:
            raise Refused(
                "aws-role-repeated", f"`{words}` in the `aws` block names `{value}` again", "use one role each", words
            )


def _names(aws: Aws) -> None:
    """Tags, and the names of a context, compare without case in policies: no two may differ in case alone."""
    for names, words in ((aws.tags, "tag user_id"), (aws.context_names, "context_version")):
        if len({name.lower() for name in names}) < len(names):
            raise Refused("aws-setting-value", f"{', '.join(names)}: two are one name", f"change `{words}`", words)


def _tables(aws: Aws) -> None:
    tables = aws.named("table")
    for kind in ("index", "holds", "direct_read"):
        for name, value in aws.named(kind).items():
            table = name if kind == "holds" else value.partition("/")[0]
            if table not in tables:
                raise _missing(f"table {table}", f"`{kind} {name}` names it")
    for kind in ("key", "attributes"):
        for name in aws.named(kind):
            if name not in {*tables, *aws.named("index")}:
                raise _missing(f"table {name}", f"`{kind} {name}` names it")
    for name, value in aws.named("key").items():
        if len(set(re.findall(r"[^a-z]", value))) > 1:
            words = f"key {name}"
            raise Refused("aws-setting-value", f"`{words}` has more than one separator", "use one", words)
    for name in (*tables, *aws.named("index")):
        aws.one("key", name)
    for name in tables:
        if aws.separator(name) is None:
            words = f"key {name}"
            mend = f"begin the partition key with `tenant`: else nothing sets one {aws.tenant} apart"
            raise Refused("aws-key", f"`{words}` does not begin with the {aws.tenant}", mend, words)


def _held(aws: Aws) -> None:
    schema = aws.program.schema
    known = {*schema.type_names, *(grant.name for grant in schema.grants), *FREE_WORDS}
    for name, value in aws.named("holds").items():
        if odd := [word for word in value.split() if word not in known]:
            mend = f"it holds some of {', '.join(sorted(known))}"
            words = f"holds {name}"
            raise Refused("aws-setting-value", f"`{words}` says `{odd[0]}`", mend, words)


def _answers(aws: Aws) -> None:
    threats = {threat.id for threat in aws.program.threats}
    for name, value in aws.named("answers").items():
        words = f"answers {name}"
        if name not in threats:
            raise Refused("aws-setting-name", f"`{words}`: no threat is called `{name}`", "declare or drop it", words)
        if odd := [word for word in value.split() if word not in CONCERNS]:
            mend = f"use some of {', '.join(CONCERNS)}"
            raise Refused("aws-setting-value", f"`{words}` says `{odd[0]}`", mend, words)
