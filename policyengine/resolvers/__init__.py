"""What resolvers run beside DynamoDB: who asks, and a guard that no operation leaves the organization through.

It ships with the built bundle and boto3, and needs nothing of the compiler. docs/aws-resolvers.md says how tables are
laid out, what is refused, and what happens when something fails.
"""

from policyengine.resolvers.codes import CODES, Incomplete, Refused
from policyengine.resolvers.crossing import GrantKeys, Shared
from policyengine.resolvers.guard import Guard, GuardedTable
from policyengine.resolvers.identity import Identity, read_identity
from policyengine.resolvers.roles import TenantRole
from policyengine.resolvers.settings import Index, Settings, Table, read_settings

__all__ = [
    "CODES",
    "GrantKeys",
    "Guard",
    "GuardedTable",
    "Identity",
    "Incomplete",
    "Index",
    "Refused",
    "Settings",
    "Shared",
    "Table",
    "TenantRole",
    "read_identity",
    "read_settings",
]
