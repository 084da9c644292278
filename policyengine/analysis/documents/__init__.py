"""Proofs about IAM documents: emitted as JSON, parsed anew, asked about every request at once.

`check_documents` is what `policyengine prove` calls. What is taken for granted is listed in `symbols.ASSUMED`, what
is not encoded is refused by name, and a counterexample is one only if `policyengine.iam` allows it too.
"""

from policyengine.analysis.documents.checking import Place, check_claims
from policyengine.analysis.documents.every import check_documents

__all__ = ["Place", "check_claims", "check_documents"]
