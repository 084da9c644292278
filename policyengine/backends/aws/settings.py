"""The settings of the `aws` block: which there are, and what each may say.

A row of SETTINGS is one line of the block: a kind, for most kinds a name, and the form of the text. What the policy set
says already (the tenant's key, which types are shared, who owns what) is no setting: it is read from the program.
"""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"
"""In place of a name: the author chooses it."""

NEVER, ALWAYS, CROSSING, DIRECT, KEYED = "never", "always", "crossing", "direct", "keyed"
"""When a setting is needed. CROSSING: where a grant reaches another tenant; DIRECT: where a field is asked for
directly; KEYED: for each table and index."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`used_by` are the documents that need it; `default` is the text where the line is left out."""

    kind: str
    name: str
    form: str
    wanted: str
    used_by: str
    needed: str = ALWAYS
    default: str | None = None

    @property
    def words(self) -> str:
        return f"{self.kind} {'NAME' if self.name == ANY else self.name}".strip()


_IAM_NAME = r"[A-Za-z0-9_+=,.@-]{1,64}"
_ROLE = "the name of an IAM role, without its path"
_LAMBDA = r"[A-Za-z0-9_-]{1,64}", "the name of a Lambda function"
_OPERATOR = rf"(role|user)/{_IAM_NAME}", "role/NAME or user/NAME, in the account"
_CLAIM = r"[A-Za-z0-9_.:/-]{1,256}", "the name of a claim at the top of the token"
NAME = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_NAMES = rf"{NAME}( {NAME})*"

SETTINGS = (
    Setting("partition", "", r"aws(-[a-z]+)*", "a partition, such as aws", "all"),
    Setting("region", "", r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region, such as us-east-1", "all"),
    Setting("account", "", r"[0-9]{12}", "twelve digits", "all"),
    Setting("role", "authenticated", _IAM_NAME, _ROLE, "key policies, the authenticated role"),
    Setting("role", "tenant_data", _IAM_NAME, _ROLE, "the tenant's role, the bucket policy"),
    Setting("role", "rewrap", _IAM_NAME, _ROLE, "key policies, the re-wrap role", CROSSING),
    Setting("role", "deployment", _IAM_NAME, _ROLE, "key policies, the deployment role"),
    Setting("role", "break_glass", _IAM_NAME, _ROLE, "key policies, the break-glass role"),
    Setting("role", "resolver", _IAM_NAME, _ROLE, "the resolver's role, the tenant's trust"),
    Setting("role", "signer", _IAM_NAME, _ROLE, "the signer's role, the tenant's trust"),
    Setting("assumed_by", "deployment", *_OPERATOR, "the deployment role's trust"),
    Setting("assumed_by", "break_glass", *_OPERATOR, "the break-glass role's trust"),
    Setting("function", "resolver", *_LAMBDA, "the resolver's role"),
    Setting("function", "signer", *_LAMBDA, "the signer's role"),
    Setting("function", "rewrap", *_LAMBDA, "the re-wrap role, the resolver's role", CROSSING),
    Setting(
        "issuer",
        "",
        r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9_.-]+)*",
        "https:// and a host, as in the token's `iss`, without a slash at its end",
        "the OIDC provider, the tag map",
    ),
    Setting(
        "audience", ANY, r"[!-~]{1,255}", "a client id: what the token's `azp` or `aud` holds", "the OIDC provider"
    ),
    Setting("claim", "tenant_id", *_CLAIM, "the tag map"),
    Setting("claim", "user_id", *_CLAIM, "the tag map"),
    Setting(
        "tag",
        "user_id",
        NAME,
        "a letter, then letters, digits and `_`: the session tag that holds the user's id",
        "trust, the tag map, emergency denies",
    ),
    Setting(
        "tenant_like",
        "",
        r"[A-Za-z0-9_-]*\?\*",
        "a prefix and `?*`: what the tenant's tag looks like",
        "trust, permissions that ask for the tag",
        NEVER,
        "?*",
    ),
    Setting(
        "identity_pool",
        "",
        r"[\w-]{1,18}:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "the id of an identity pool: region, colon, and a GUID",
        "the authenticated role's trust, the tag map, pool settings",
    ),
    Setting("pool_name", "", r"[\w +=,.@-]{1,128}", "the name of the identity pool", "pool settings"),
    Setting(
        "provider_name",
        "",
        r"[!-~]{1,128}",
        "the provider's name in the identity pool, 1 to 128 characters",
        "the tag map; without it, the provider's ARN",
        NEVER,
    ),
    Setting("api", "", r"[a-z0-9]{1,64}", "the id of a GraphQL API", "fields that are asked for directly", DIRECT),
    Setting(
        "direct_field",
        ANY,
        r"(Query|Mutation|Subscription)\.[A-Za-z_][A-Za-z0-9_]{0,127}",
        "a field, such as Query.listTools",
        "the authenticated role: appsync:GraphQL on the field",
        NEVER,
    ),
    Setting("table", ANY, r"[A-Za-z0-9_.-]{3,255}", "the name of a table", "the tenant's role", NEVER),
    Setting(
        "index",
        ANY,
        rf"{NAME}/[A-Za-z0-9_.-]{{3,255}}",
        "a table as it is called here, a slash, and the name of its index",
        "the tenant's role",
        NEVER,
    ),
    Setting(
        "key",
        ANY,
        r"[a-z]+([#|;,][a-z]+)+",
        "what a partition key is made of, such as tenant#type#id; `tenant` stands for the tenant's id",
        "the tenant's role: which tables and indexes begin with the tenant, and by what it is set apart",
        KEYED,
    ),
    Setting(
        "attributes",
        ANY,
        rf"{NAME}( {NAME})?",
        "the attributes of a primary key: that of the partition and, after a space, that which sorts",
        "the resolvers' settings; without it, the guard knows no such table or index",
        NEVER,
    ),
    Setting(
        "holds",
        ANY,
        _NAMES,
        "types, kinds of grant row, `wraps` or `intents`: all that the table can hold",
        "direct reads; without it, a table can hold anything",
        NEVER,
    ),
    Setting("direct_read", ANY, NAME, "a table as it is called here", "the authenticated role: reads", NEVER),
    Setting(
        "bucket",
        "objects",
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "the name of a bucket",
        "the bucket policy, the tenant's role",
    ),
    Setting("bucket_role", ANY, _IAM_NAME, _ROLE, "the bucket policy: another role that may use objects", NEVER),
    Setting(
        "signature_seconds",
        "",
        r"[1-9][0-9]{0,4}",
        "how long a signed URL is good for: 1 to 99999 seconds",
        "the bucket policy",
    ),
    Setting(
        "model",
        ANY,
        r"[A-Za-z0-9.:-]{1,127}\*?",
        "a foundation model's id, or how ids begin and `*`",
        "the authenticated role",
        NEVER,
    ),
    Setting(
        "context_version",
        "",
        NAME,
        "a letter, then letters, digits and `_`: the name under which a wrap's context holds its version",
        "key policies, the authenticated role",
    ),
    Setting(
        "kms",
        "alias",
        r"[A-Za-z0-9_-]{1,64}/",
        "what the alias of a tenant's key begins with, up to its slash",
        "templates, deployment",
    ),
    Setting(
        "kms",
        "rotation_days",
        r"9[0-9]|[1-9][0-9]{2}|1[0-9]{3}|2[0-4][0-9]{2}|25[0-5][0-9]|2560",
        "90 to 2560 days",
        "templates",
    ),
    Setting(
        "stack", "", r"[A-Za-z][A-Za-z0-9-]{0,39}", "what the names of the stacks begin with", "the deployment role"
    ),
    Setting(
        "answers",
        ANY,
        _NAMES,
        "concerns: what of the documents answers the threat of that name",
        "the index; without it, all that its layers do",
        NEVER,
    ),
)

FREE_WORDS = ("wraps", "intents")
"""What a table can hold that no declaration names."""

CONCERNS = {
    "isolation": "binds what is used to the organization of the session",
    "reach": "says which roles reach keys and objects at all",
    "session": "asks for a session of the identity pool, or ends one",
    "sharing": "bounds what is wrapped for another organization",
    "administration": "keeps the other statements in force",
    "transport": "refuses what does not come by TLS",
    "audit": "lets a record of what happened be written",
}
"""What a statement is for; `answers` in the `aws` block says which of these answer a threat."""
