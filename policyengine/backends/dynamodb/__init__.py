"""What a resolver over DynamoDB is told of a policy: which rows a decision reads, which records a list selects."""

from policyengine.backends.dynamodb.conditions import Condition, Selection, select
from policyengine.backends.dynamodb.plans import Plan, Unfetchable, emit_plans, plan, plans

__all__ = ["Condition", "Plan", "Selection", "Unfetchable", "emit_plans", "plan", "plans", "select"]
