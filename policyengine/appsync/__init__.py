"""The API as AppSync has it, compared with what the policy source says of its fields. The one door to graphql-core."""

from policyengine.appsync.checking import check_api

__all__ = ["check_api"]
