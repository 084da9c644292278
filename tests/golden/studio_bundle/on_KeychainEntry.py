"""What decides on KeychainEntry."""
from . import _enum_OrgRole, _enum_Trust, _ok_shape_Member, is_id, is_tenant_id, is_time, report, tenant_ids


_fields_record = (
    ("id", is_id, True, "Id"),
    ("orgId", is_tenant_id, True, "Id of Organization"),
    ("ownerId", is_id, True, "Id"),
)


# create, delete, list, read, update on KeychainEntry


def _report_create(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (r["ownerId"] == p["id"]):
        permits.append("KeychainEntry.always.record_owner")
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
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and type(r_ownerId) is str and r_ownerId and (r_ownerId.isascii() or is_id(r_ownerId))
    ):
        return False
    if p_orgId == r_orgId and (r_ownerId == p_id):
        return True
    return False


REPORTS = {'create': _report_create, 'delete': _report_create, 'list': _report_create, 'read': _report_create, 'update': _report_create}
ALLOWS = {'create': _allows_create, 'delete': _allows_create, 'list': _allows_create, 'read': _allows_create, 'update': _allows_create}
EACH = {}
FIELDS = _fields_record
