"""The authorizer behind an AppSync API: a Lambda function that decides on every request before a resolver runs.

A bundle carries this folder beside `tokens`, and what the policy was compiled to (docs/aws-authorizer.md).
"""

from .answering import Authorizer, authorizer_from_environment

__all__ = ["Authorizer", "authorizer_from_environment"]
