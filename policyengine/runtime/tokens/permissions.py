"""Custom permissions of the active organization, as `org:<feature>:<permission>` (Clerk, "Session tokens").

Version 1 lists them. Version 2 has three lists: `fea`, features as `<scope>:<slug>`; `o.per`, names of permissions;
`o.fpm`, one number a feature, whose bit i (the least first) grants the name i.

Which number belongs to which feature has been read in two ways: by its place among the features of organizations
alone (scopes `o`, `ou`, `uo`), or by its place among all features, of which only the scope `o` then counts. The two
agree where no other scope stands before an organization's feature. Only what both grant is granted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_DIGITS = re.compile(r"[0-9]{1,400}")
"""A mask. The bound is far above what a token can use, and below what a number costs to read."""

_ORGANIZATION_SCOPES = frozenset({"o", "ou", "uo"})


def permissions_1(listed: object) -> frozenset[str]:
    """The claim `org_permissions`; anything but a list of texts grants nothing."""
    if not isinstance(listed, list) or not all(type(name) is str for name in listed):
        return frozenset()
    return frozenset(listed)


def permissions_2(features: object, names: object, masks: object) -> frozenset[str]:
    """The claims `fea`, `o.per` and `o.fpm`; one that is missing, or a feature without a scope, grants nothing."""
    if type(features) is not str or type(names) is not str or type(masks) is not str:
        return frozenset()
    scoped = [entry.strip().partition(":") for entry in features.split(",")]
    if not all(colon for _, colon, _ in scoped):
        return frozenset()
    permissions = [name.strip() for name in names.split(",")]
    numbers = [_mask(text) for text in masks.split(",")]
    among_organizations = [slug for scope, _, slug in scoped if scope in _ORGANIZATION_SCOPES]
    among_all = [slug if scope == "o" else None for scope, _, slug in scoped]
    return _granted(among_organizations, permissions, numbers) & _granted(among_all, permissions, numbers)


def _mask(text: str) -> int:
    return int(text) if _DIGITS.fullmatch(text.strip()) else 0


def _granted(features: Sequence[str | None], permissions: list[str], masks: list[int]) -> frozenset[str]:
    """What the pairing of features and masks by place grants; a feature without a mask has none."""
    return frozenset(
        f"org:{feature}:{name}"
        for feature, mask in zip(features, masks, strict=False)
        for bit, name in enumerate(permissions)
        if feature and name and mask >> bit & 1
    )
