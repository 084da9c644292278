"""What the fields of the API ask for, and what is denied of it before any row is read."""
from . import _ok_shape_Member, _ok_the_principal


def _denies_0(p, c):
    if not (p["orgRole"] != "admin"):
        return None
    found = []
    return found


def _denies_1(p, c):
    if not ((c.get("member") is not None) and (c.get("member")["orgId"] != p["orgId"])):
        return None
    found = []
    if (c.get("member") is not None) and (c.get("member")["orgId"] != p["orgId"]):
        found.append("folder_abroad")
    return found


DENIES = {
    ("configure", "Connector", False): _denies_0,
    ("configure", "Tool", False): _denies_0,
    ("share", "Folder", True): _denies_1,
}
FIELDS = {
    "Conversation.folder": {'action': 'read', 'types': ('Folder',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.parentId',), 'effect': False},
    "Diagram.folder": {'action': 'read', 'types': ('Folder',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.parentId',), 'effect': False},
    "File.folder": {'action': 'read', 'types': ('Folder',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.parentId',), 'effect': False},
    "Folder.folder": {'action': 'read', 'types': ('Folder',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.parentId',), 'effect': False},
    "Host.diagrams": {'action': 'list', 'types': ('Diagram',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('limit',), 'effect': False},
    "Host.folder": {'action': 'read', 'types': ('Folder',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.parentId',), 'effect': False},
    "Mutation.addCredential": {'action': 'create', 'types': ('KeychainEntry',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('input.name', 'input.sealed'), 'effect': True},
    "Mutation.configureConnector": {'action': 'configure', 'types': ('Connector',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('enabled', 'id', 'settings'), 'effect': True},
    "Mutation.configureTool": {'action': 'configure', 'types': ('Tool',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('enabled', 'id', 'toolClass'), 'effect': True},
    "Mutation.createConversation": {'action': 'create', 'types': ('Conversation',), 'by': (), 'tenants': ('input.orgId',), 'member': (), 'needs': (), 'marked': ('input.name', 'input.orgId', 'input.parentId', 'input.scope', 'input.trust'), 'effect': True},
    "Mutation.createFile": {'action': 'create', 'types': ('File',), 'by': (), 'tenants': ('input.orgId',), 'member': (), 'needs': (), 'marked': ('input.name', 'input.orgId', 'input.parentId', 'input.scope'), 'effect': True},
    "Mutation.createFolder": {'action': 'create', 'types': ('Folder',), 'by': (), 'tenants': ('input.orgId',), 'member': (), 'needs': (), 'marked': ('input.name', 'input.orgId', 'input.parentId', 'input.scope'), 'effect': True},
    "Mutation.createHost": {'action': 'create', 'types': ('Host',), 'by': (), 'tenants': ('input.orgId',), 'member': (), 'needs': (), 'marked': ('input.address', 'input.name', 'input.orgId', 'input.parentId', 'input.port', 'input.scope'), 'effect': True},
    "Mutation.deleteFolder": {'action': 'delete', 'types': ('Folder',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': True},
    "Mutation.deleteHost": {'action': 'delete', 'types': ('Host',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': True},
    "Mutation.invokeTool": {'action': 'invoke', 'types': ('Tool',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('arguments', 'conversationId', 'id'), 'effect': True},
    "Mutation.revokeShare": {'action': 'revoke', 'types': ('Conversation', 'Diagram', 'File', 'Folder', 'Host', 'Memory', 'Procedure'), 'by': ('resourceType', 'resourceId'), 'tenants': (), 'member': (), 'needs': (), 'marked': ('memberId', 'memberOrgId', 'resourceId', 'resourceType'), 'effect': True},
    "Mutation.shareRecord": {'action': 'share', 'types': ('Conversation', 'Diagram', 'File', 'Folder', 'Host', 'Memory', 'Procedure'), 'by': ('input.resourceType', 'input.resourceId'), 'tenants': (), 'member': ('input.memberId', 'input.memberOrgId'), 'needs': (), 'marked': ('input.expiresAt', 'input.memberId', 'input.memberOrgId', 'input.resourceId', 'input.resourceType', 'input.role'), 'effect': True},
    "Mutation.updateConversation": {'action': 'update', 'types': ('Conversation',), 'by': ('id',), 'tenants': ('input.orgId',), 'member': (), 'needs': (('input.parentId', 'share', ('Conversation',)), ('input.scope', 'share', ('Conversation',)), ('input.trust', 'share', ('Conversation',))), 'marked': ('id', 'input.name', 'input.orgId', 'input.parentId', 'input.scope', 'input.trust'), 'effect': True},
    "Mutation.updateFolder": {'action': 'update', 'types': ('Folder',), 'by': ('id',), 'tenants': ('input.orgId',), 'member': (), 'needs': (('input.parentId', 'share', ('Folder',)), ('input.scope', 'share', ('Folder',))), 'marked': ('id', 'input.name', 'input.orgId', 'input.parentId', 'input.scope'), 'effect': True},
    "Mutation.updateHost": {'action': 'update', 'types': ('Host',), 'by': ('id',), 'tenants': ('input.orgId',), 'member': (), 'needs': (('input.parentId', 'share', ('Host',)), ('input.scope', 'share', ('Host',))), 'marked': ('id', 'input.address', 'input.name', 'input.orgId', 'input.parentId', 'input.port', 'input.scope'), 'effect': True},
    "Query.connectorSettings": {'action': 'configure', 'types': ('Connector',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': False},
    "Query.connectors": {'action': 'list', 'types': ('Connector',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': (), 'effect': False},
    "Query.fileUrl": {'action': 'read', 'types': ('File',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': True},
    "Query.getConversation": {'action': 'read', 'types': ('Conversation',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': False},
    "Query.getDiagram": {'action': 'read', 'types': ('Diagram',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': False},
    "Query.getFolder": {'action': 'read', 'types': ('Folder',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': False},
    "Query.getHost": {'action': 'read', 'types': ('Host',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': False},
    "Query.grantsOf": {'action': 'revoke', 'types': ('Conversation', 'Diagram', 'File', 'Folder', 'Host', 'Memory', 'Procedure'), 'by': ('resourceType', 'resourceId'), 'tenants': (), 'member': (), 'needs': (), 'marked': ('resourceId', 'resourceType'), 'effect': False},
    "Query.keychain": {'action': 'list', 'types': ('KeychainEntry',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('limit', 'nextToken'), 'effect': False},
    "Query.listFolder": {'action': 'list', 'types': ('Conversation', 'Diagram', 'File', 'Folder', 'Host', 'Memory', 'Procedure'), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id', 'limit', 'nextToken'), 'effect': False},
    "Query.listHosts": {'action': 'list', 'types': ('Host',), 'by': (), 'tenants': ('orgId', 'filter.orgId.eq'), 'member': (), 'needs': (), 'marked': ('filter.name', 'filter.orgId.eq', 'limit', 'nextToken', 'orgId'), 'effect': False},
    "Query.sharedWithMe": {'action': 'list', 'types': ('Conversation', 'Diagram', 'File', 'Folder', 'Host', 'Memory', 'Procedure'), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('limit', 'nextToken'), 'effect': False},
    "Query.tools": {'action': 'list', 'types': ('Tool',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('limit', 'nextToken'), 'effect': False},
    "Query.viewer": {'action': '', 'types': (), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': (), 'effect': False},
    "Subscription.onFolderChanged": {'action': 'read', 'types': ('Folder',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': True},
    "Subscription.onHostChanged": {'action': 'read', 'types': ('Host',), 'by': ('id',), 'tenants': (), 'member': (), 'needs': (), 'marked': ('id',), 'effect': True},
    "Tool.connector": {'action': 'read', 'types': ('Connector',), 'by': (), 'tenants': (), 'member': (), 'needs': (), 'marked': ('source.connectorId',), 'effect': False},
}
MEMBER = ('member', 'id', 'orgId')
TENANT_KEY = "orgId"
IDENTITY = "id"
CLAIMS = (('id', 'sub'), ('orgId', 'org_id'), ('orgRole', 'org_role'))
TOKEN_ALONE = False
is_principal = _ok_the_principal
is_member = _ok_shape_Member
