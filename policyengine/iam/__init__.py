"""IAM policy documents as such: read, evaluate, lint. Knows nothing of our language, and asks no AWS account."""

from __future__ import annotations

from policyengine.iam.document import Document, Problem, Statement, parse, parse_text
from policyengine.iam.evaluation import Result, evaluate
from policyengine.iam.request import Malformed, Request, read_request

__all__ = [
    "Document",
    "Malformed",
    "Problem",
    "Request",
    "Result",
    "Statement",
    "evaluate",
    "parse",
    "parse_text",
    "read_request",
]
