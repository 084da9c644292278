"""What decides on Tool."""
from . import Err, Once, _check_ToolClass, _enum_OrgRole, _enum_ToolClass, _enum_Trust, _find_Connector, _ok_shape_Member, is_bool, is_discharged, is_id, is_tenant_id, is_time, kleene, lift, negate, reference, report, tenant_ids


_fields_record = (
    ("id", is_id, True, "Id"),
    ("orgId", is_tenant_id, True, "Id of Organization"),
    ("toolClass", _check_ToolClass, True, "ToolClass"),
    ("enabled", is_bool, True, "Bool"),
    ("connectorId", is_id, False, "Id of Connector"),
)


# configure on Tool


def _report_configure(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"] and (p["orgRole"] == "admin"):
        permits.append("Tool.always.role_admin")
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
    r_toolClass = r["toolClass"]
    r_enabled = r["enabled"]
    r_connectorId = r.get("connectorId")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and r_toolClass in _enum_ToolClass
        and type(r_enabled) is bool
        and (r_connectorId is None or type(r_connectorId) is str and r_connectorId and (r_connectorId.isascii() or is_id(r_connectorId)))
    ):
        return False
    if p_orgId == r_orgId and (p_orgRole == "admin"):
        return True
    return False


# invoke on Tool


def _report_invoke(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    find_x_connectorId = Once(lambda: reference(entities, r["orgId"], "Connector", r.get("connectorId"), _find_Connector))
    if p["orgId"] == r["orgId"]:
        permits.append("Tool.always.role_member")
    value = kleene(False, lambda: r.get("connectorId") is not None, lambda: negate(lift(lambda x_connectorId: x_connectorId["enabled"], find_x_connectorId())))
    if value is True:
        blocks.append(("connector_off", "An administrator has disabled this tool's connector."))
    elif value is not False:
        blocks.append(("connector_off", "An administrator has disabled this tool's connector."))
        errors.append(("connector_off", value))
    if not r["enabled"]:
        blocks.append(("disabled_tool", "An administrator has disabled this tool."))
    if not (((r["toolClass"] == "READ_ONLY") and (c["trust"] in ('AUTONOMOUS', 'SUPERVISED'))) or ((r["toolClass"] == "MODERATE") and (c["trust"] == "AUTONOMOUS"))):
        v_resourceType = r["type"]
        v_resourceId = r["id"]
        obligations.append((("name", "approval"), ("resourceType", v_resourceType), ("resourceId", v_resourceId), ))
    return report(permits, blocks, obligations, errors)


def _allows_invoke(p, r, entities, c, discharged):
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
    r_toolClass = r["toolClass"]
    r_enabled = r["enabled"]
    r_connectorId = r.get("connectorId")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and r_toolClass in _enum_ToolClass
        and type(r_enabled) is bool
        and (r_connectorId is None or type(r_connectorId) is str and r_connectorId and (r_connectorId.isascii() or is_id(r_connectorId)))
    ):
        return False
    x_connectorId = None
    if (r_connectorId is not None):
        if x_connectorId is None:
            x_connectorId = reference(entities, r_orgId, "Connector", r_connectorId, _find_Connector)
        ok_x_connectorId = type(x_connectorId) is not Err
        if not ((ok_x_connectorId and x_connectorId["enabled"])):
            return False
    if (not r_enabled):
        return False
    if (not (((r_toolClass == "READ_ONLY") and (c_trust in ('AUTONOMOUS', 'SUPERVISED'))) or ((r_toolClass == "MODERATE") and (c_trust == "AUTONOMOUS")))):
        if not (is_discharged({"name": "approval", "resourceType": r["type"], "resourceId": r_id}, discharged)):
            return False
    if p_orgId == r_orgId:
        return True
    return False


# list, read on Tool


def _report_list(entities, p, r, c):
    permits, blocks, obligations, errors = [], [], [], []
    if p["orgId"] == r["orgId"]:
        permits.append("Tool.always.role_member")
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
    r_toolClass = r["toolClass"]
    r_enabled = r["enabled"]
    r_connectorId = r.get("connectorId")
    if not (
        isinstance(r, dict)
        and type(r_id) is str and r_id and (r_id.isascii() or is_id(r_id))
        and (r_orgId == p_orgId or (r_orgId in tenant_ids or is_tenant_id(r_orgId)))
        and r_toolClass in _enum_ToolClass
        and type(r_enabled) is bool
        and (r_connectorId is None or type(r_connectorId) is str and r_connectorId and (r_connectorId.isascii() or is_id(r_connectorId)))
    ):
        return False
    if p_orgId == r_orgId:
        return True
    return False


REPORTS = {'configure': _report_configure, 'invoke': _report_invoke, 'list': _report_list, 'read': _report_list}
ALLOWS = {'configure': _allows_configure, 'invoke': _allows_invoke, 'list': _allows_list, 'read': _allows_list}
EACH = {}
FIELDS = _fields_record
