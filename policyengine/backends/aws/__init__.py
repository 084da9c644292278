"""The documents of AWS, from the core and the `aws` block: key policies, roles, the bucket, the tag map, templates.

The tenant boundary, said once more where neither authorizer nor resolver runs (docs/studio.md, Isolation). What each
statement is for stands in `index.json`; how documents are rolled out, in docs/aws-iam.md.
"""

from policyengine.backends.aws.documents import emit_documents, emit_texts
from policyengine.backends.aws.limits import as_text
from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.roles import UNSCOPED

__all__ = ["UNSCOPED", "Refused", "as_text", "emit_documents", "emit_texts"]
