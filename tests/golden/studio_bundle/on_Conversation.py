"""What decides on Conversation."""
from . import Err, Once, _above_Folder, _check_Scope, _check_Trust, _enum_OrgRole, _enum_Scope, _enum_Trust, _granted_ResourceShareMember, _holder_Folder, _ok_shape_Member, is_discharged, is_id, is_tenant_id, is_time, kleene, lift, never, report, tenant_ids


_fields_record = (
    ("id", is_id, True, "Id"),
    ("orgId", is_tenant_id, True, "Id of Organization"),
    ("ownerId", is_id, True, "Id"),
    ("scope", _check_Scope, True, "Scope"),
    ("parentId", is_id, False, "Id of Folder"),
    ("trust", _check_Trust, False, "Trust"),
)


# create on Conversation


def _report_create(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    return report(permits, blocks, obligations, errors)


def _allows_create(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if p_orgId == r_orgId and (r_ownerId == p_id):
        return True
    return False


# delete on Conversation


def _report_delete(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    find_h = Once(lambda: _holder_Folder(entities, r))
    value = kleene(False, lambda: p["orgId"] == r["orgId"], lambda: p["orgRole"] == "admin", lambda: lift(lambda h: h["scope"] == "ORG", find_h()))
    if value is True:
        permits.append("Scoped.ORG.role_admin")
    elif value is not False:
        errors.append(("Scoped.ORG.role_admin", value))
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    return report(permits, blocks, obligations, errors)


def _allows_delete(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if r_scope == "INHERIT":
        h = None
        if p_orgId == r_orgId:
            if (r_ownerId == p_id):
                return True
            if h is None:
                h = _above_Folder(entities, r_orgId, r_parentId, None)
            ok_h = type(h) is not Err
            if ok_h and (p_orgRole == "admin") and (h["scope"] == "ORG"):
                return True
        return False
    if p_orgId == r_orgId:
        if (p_orgRole == "admin") and (r_scope == "ORG"):
            return True
        if (r_ownerId == p_id):
            return True
    return False


def _each_delete(p, entities, c, discharged, memos):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return never
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return never
    if c_trust is None:
        c_trust = "MANUAL"
    memo = memos.setdefault("f0afa88d878d81c8", {})
    def decide(r):
        r_id = r["id"]
        r_orgId = r["orgId"]
        r_ownerId = r["ownerId"]
        r_scope = r["scope"]
        r_parentId = r.get("parentId")
        r_trust = r.get("trust")
        if not (
            isinstance(r, dict)
            and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
            and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
            and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
            and r_scope in _enum_Scope
            and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
            and (r_trust is None or r_trust in _enum_Trust)
        ):
            return False
        if r_scope == "INHERIT":
            h = None
            if p_orgId == r_orgId:
                if (r_ownerId == p_id):
                    return True
                verdict = memo.get(r_parentId)
                if verdict is None:
                    if h is None:
                        h = _above_Folder(entities, r_orgId, r_parentId, None)
                    ok_h = type(h) is not Err
                    verdict = memo[r_parentId] = (ok_h and (p_orgRole == "admin") and (h["scope"] == "ORG"))
                if verdict:
                    return True
            return False
        if p_orgId == r_orgId:
            if (p_orgRole == "admin") and (r_scope == "ORG"):
                return True
            if (r_ownerId == p_id):
                return True
        return False
    return decide


# list, read on Conversation


def _report_list(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    find_h = Once(lambda: _holder_Folder(entities, r))
    value = kleene(False, lambda: (p["orgId"] == r["orgId"] or r["scope"] != "INHERIT"), lambda: lift(lambda h: h["scope"] == "CUSTOM", find_h()), lambda: lift(lambda h: _granted_ResourceShareMember(entities, r["orgId"], r["type"] if h is r else "Folder", r["id"] if h is r else h["id"], p["id"], p["orgId"], ('editor', 'viewer'), c.get("now")), find_h()))
    if value is True:
        permits.append("Scoped.CUSTOM.grant_viewer")
    elif value is not False:
        errors.append(("Scoped.CUSTOM.grant_viewer", value))
    value = kleene(False, lambda: p["orgId"] == r["orgId"], lambda: lift(lambda h: h["scope"] == "CUSTOM", find_h()), lambda: lift(lambda h: h["ownerId"] == p["id"], find_h()))
    if value is True:
        permits.append("Scoped.CUSTOM.holder_owner")
    elif value is not False:
        errors.append(("Scoped.CUSTOM.holder_owner", value))
    value = kleene(False, lambda: p["orgId"] == r["orgId"], lambda: lift(lambda h: h["scope"] == "ORG", find_h()))
    if value is True:
        permits.append("Scoped.ORG.role_member")
    elif value is not False:
        errors.append(("Scoped.ORG.role_member", value))
    value = kleene(False, lambda: p["orgId"] == r["orgId"], lambda: lift(lambda h: h["scope"] == "PRIVATE", find_h()), lambda: lift(lambda h: h["ownerId"] == p["id"], find_h()))
    if value is True:
        permits.append("Scoped.PRIVATE.holder_owner")
    elif value is not False:
        errors.append(("Scoped.PRIVATE.holder_owner", value))
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    return report(permits, blocks, obligations, errors)


def _allows_list(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if r_scope == "INHERIT":
        h = None
        if p_orgId == r_orgId:
            if (r_ownerId == p_id):
                return True
            if h is None:
                h = _above_Folder(entities, r_orgId, r_parentId, None)
            ok_h = type(h) is not Err
            if ok_h and (h["scope"] == "CUSTOM") and (h["ownerId"] == p_id):
                return True
            if ok_h and (h["scope"] == "ORG"):
                return True
            if ok_h and (h["scope"] == "PRIVATE") and (h["ownerId"] == p_id):
                return True
            if ok_h and (h["scope"] == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, "Folder", h["id"], p_id, p_orgId, ('editor', 'viewer'), c_now):
                return True
        return False
    if p_orgId == r_orgId:
        if (r_scope == "ORG"):
            return True
        if (r_ownerId == p_id):
            return True
    if (r_scope == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, r["type"], r_id, p_id, p_orgId, ('editor', 'viewer'), c_now):
        return True
    return False


def _each_list(p, entities, c, discharged, memos):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return never
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return never
    if c_trust is None:
        c_trust = "MANUAL"
    memo = memos.setdefault("1ac01764a9af75aa", {})
    def decide(r):
        r_id = r["id"]
        r_orgId = r["orgId"]
        r_ownerId = r["ownerId"]
        r_scope = r["scope"]
        r_parentId = r.get("parentId")
        r_trust = r.get("trust")
        if not (
            isinstance(r, dict)
            and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
            and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
            and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
            and r_scope in _enum_Scope
            and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
            and (r_trust is None or r_trust in _enum_Trust)
        ):
            return False
        if r_scope == "INHERIT":
            h = None
            if p_orgId == r_orgId:
                if (r_ownerId == p_id):
                    return True
                verdict = memo.get(r_parentId)
                if verdict is None:
                    if h is None:
                        h = _above_Folder(entities, r_orgId, r_parentId, None)
                    ok_h = type(h) is not Err
                    verdict = memo[r_parentId] = (ok_h and (h["scope"] == "CUSTOM") and (h["ownerId"] == p_id)) or (ok_h and (h["scope"] == "ORG")) or (ok_h and (h["scope"] == "PRIVATE") and (h["ownerId"] == p_id)) or (ok_h and (h["scope"] == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, "Folder", h["id"], p_id, p_orgId, ('editor', 'viewer'), c_now))
                if verdict:
                    return True
            return False
        if p_orgId == r_orgId:
            if (r_scope == "ORG"):
                return True
            if (r_ownerId == p_id):
                return True
        if (r_scope == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, r["type"], r_id, p_id, p_orgId, ('editor', 'viewer'), c_now):
            return True
        return False
    return decide


# revoke on Conversation


def _report_revoke(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    if p["orgId"] == r["orgId"] and (p["orgRole"] == "admin"):
        permits.append("Scoped.always.role_admin")
    return report(permits, blocks, obligations, errors)


def _allows_revoke(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if p_orgId == r_orgId:
        if (r_ownerId == p_id):
            return True
        if (p_orgRole == "admin"):
            return True
    return False


# share on Conversation


def _report_share(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    if (c.get("member") is not None) and (c.get("member")["orgId"] != r["orgId"]):
        v_resourceType = r["type"]
        v_resourceId = r["id"]
        v_fromOrg = r["orgId"]
        v_toOrg = c.get("member")["orgId"]
        obligations.append((("name", "rewrap"), ("resourceType", v_resourceType), ("resourceId", v_resourceId), ("fromOrg", v_fromOrg), ("toOrg", v_toOrg), ))
    return report(permits, blocks, obligations, errors)


def _allows_share(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if (c_member is not None) and (c_member["orgId"] != r_orgId):
        if not (is_discharged({"name": "rewrap", "resourceType": r["type"], "resourceId": r_id, "fromOrg": r_orgId, "toOrg": c_member["orgId"]}, discharged)):
            return False
    if p_orgId == r_orgId and (r_ownerId == p_id):
        return True
    return False


# update on Conversation


def _report_update(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    find_h = Once(lambda: _holder_Folder(entities, r))
    value = kleene(False, lambda: (p["orgId"] == r["orgId"] or r["scope"] != "INHERIT"), lambda: lift(lambda h: h["scope"] == "CUSTOM", find_h()), lambda: lift(lambda h: _granted_ResourceShareMember(entities, r["orgId"], r["type"] if h is r else "Folder", r["id"] if h is r else h["id"], p["id"], p["orgId"], ('editor',), c.get("now")), find_h()))
    if value is True:
        permits.append("Scoped.CUSTOM.grant_editor")
    elif value is not False:
        errors.append(("Scoped.CUSTOM.grant_editor", value))
    value = kleene(False, lambda: p["orgId"] == r["orgId"], lambda: p["orgRole"] == "admin", lambda: lift(lambda h: h["scope"] == "ORG", find_h()))
    if value is True:
        permits.append("Scoped.ORG.role_admin")
    elif value is not False:
        errors.append(("Scoped.ORG.role_admin", value))
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("Scoped.always.record_owner")
    return report(permits, blocks, obligations, errors)


def _allows_update(p, r, entities, c, discharged):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return False
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return False
    if c_trust is None:
        c_trust = "MANUAL"
    r_id = r["id"]
    r_orgId = r["orgId"]
    r_ownerId = r["ownerId"]
    r_scope = r["scope"]
    r_parentId = r.get("parentId")
    r_trust = r.get("trust")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
        and r_scope in _enum_Scope
        and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
        and (r_trust is None or r_trust in _enum_Trust)
    ):
        return False
    if r_scope == "INHERIT":
        h = None
        if p_orgId == r_orgId:
            if (r_ownerId == p_id):
                return True
            if h is None:
                h = _above_Folder(entities, r_orgId, r_parentId, None)
            ok_h = type(h) is not Err
            if ok_h and (p_orgRole == "admin") and (h["scope"] == "ORG"):
                return True
            if ok_h and (h["scope"] == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, "Folder", h["id"], p_id, p_orgId, ('editor',), c_now):
                return True
        return False
    if p_orgId == r_orgId:
        if (p_orgRole == "admin") and (r_scope == "ORG"):
            return True
        if (r_ownerId == p_id):
            return True
    if (r_scope == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, r["type"], r_id, p_id, p_orgId, ('editor',), c_now):
        return True
    return False


def _each_update(p, entities, c, discharged, memos):
    p_type = p.get("type")
    p_id = p["id"]
    p_orgId = p["orgId"]
    p_orgRole = p["orgRole"]
    if not (
        isinstance(p, dict)
        and (p_type is None or p_type == "User")
        and type(p_id) is str and p_id and (p_id.isascii() or is_id(p_id))
        and (p_orgId in tenant_ids or is_tenant_id(p_orgId))
        and p_orgRole in _enum_OrgRole
    ):
        return never
    if c is None:
        c_now = c_trust = c_member = None
    else:
        c_now = c.get("now")
        c_trust = c.get("trust")
        c_member = c.get("member")
        if not (
            isinstance(c, dict)
            and (c_now is None or is_time(c_now))
            and (c_trust is None or c_trust in _enum_Trust)
            and (c_member is None or _ok_shape_Member(c_member))
        ):
            return never
    if c_trust is None:
        c_trust = "MANUAL"
    memo = memos.setdefault("3c8ad29fbe881aff", {})
    def decide(r):
        r_id = r["id"]
        r_orgId = r["orgId"]
        r_ownerId = r["ownerId"]
        r_scope = r["scope"]
        r_parentId = r.get("parentId")
        r_trust = r.get("trust")
        if not (
            isinstance(r, dict)
            and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
            and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
            and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
            and r_scope in _enum_Scope
            and (r_parentId is None or type(r_parentId) is str and r_parentId and (r_parentId.isascii() or is_id(r_parentId)))
            and (r_trust is None or r_trust in _enum_Trust)
        ):
            return False
        if r_scope == "INHERIT":
            h = None
            if p_orgId == r_orgId:
                if (r_ownerId == p_id):
                    return True
                verdict = memo.get(r_parentId)
                if verdict is None:
                    if h is None:
                        h = _above_Folder(entities, r_orgId, r_parentId, None)
                    ok_h = type(h) is not Err
                    verdict = memo[r_parentId] = (ok_h and (p_orgRole == "admin") and (h["scope"] == "ORG")) or (ok_h and (h["scope"] == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, "Folder", h["id"], p_id, p_orgId, ('editor',), c_now))
                if verdict:
                    return True
            return False
        if p_orgId == r_orgId:
            if (p_orgRole == "admin") and (r_scope == "ORG"):
                return True
            if (r_ownerId == p_id):
                return True
        if (r_scope == "CUSTOM") and _granted_ResourceShareMember(entities, r_orgId, r["type"], r_id, p_id, p_orgId, ('editor',), c_now):
            return True
        return False
    return decide


REPORTS = {'create': _report_create, 'delete': _report_delete, 'list': _report_list, 'read': _report_list, 'revoke': _report_revoke, 'share': _report_share, 'update': _report_update}
ALLOWS = {'create': _allows_create, 'delete': _allows_delete, 'list': _allows_list, 'read': _allows_list, 'revoke': _allows_revoke, 'share': _allows_share, 'update': _allows_update}
EACH = {'delete': _each_delete, 'list': _each_list, 'read': _each_list, 'update': _each_update}
FIELDS = _fields_record
