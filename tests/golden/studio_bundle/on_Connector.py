"""What decides on Connector."""
from . import _enum_OrgRole, _enum_Trust, _ok_shape_Member, is_bool, is_id, is_tenant_id, is_time, report, tenant_ids


_fields_record = (
    ("id", is_id, True, "Id"),
    ("orgId", is_tenant_id, True, "Id of Organization"),
    ("enabled", is_bool, True, "Bool"),
)


# configure on Connector


def _report_configure(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (p["orgRole"] == "admin"):
        permits.append("Connector.always.role_admin")
    return report(permits, blocks, obligations, errors)


def _allows_configure(p, r, entities, c, discharged):
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
    r_enabled = r["enabled"]
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_enabled) is bool
    ):
        return False
    if p_orgId == r_orgId and (p_orgRole == "admin"):
        return True
    return False


# list, read on Connector


def _report_list(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"]:
        permits.append("Connector.always.role_member")
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
    r_enabled = r["enabled"]
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_enabled) is bool
    ):
        return False
    if p_orgId == r_orgId:
        return True
    return False


REPORTS = {'configure': _report_configure, 'list': _report_list, 'read': _report_list}
ALLOWS = {'configure': _allows_configure, 'list': _allows_list, 'read': _allows_list}
EACH = {}
FIELDS = _fields_record
