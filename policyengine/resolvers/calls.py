"""Calls to DynamoDB: retried with jitter, within bounds; what cannot be read in full ends in `Incomplete`.

The client's own retries should be off (`Config(retries={"total_max_attempts": 1})`): one place counts. Amazon DynamoDB
Developer Guide: "Error handling with DynamoDB", "Error retries and exponential backoff".
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from policyengine.resolvers.codes import Incomplete

CAUSES = {
    "throttled": "DynamoDB kept refusing calls for now",
    "unprocessed": "DynamoDB kept leaving keys of a batch unread",
    "unreachable": "DynamoDB did not answer, or not in time",
    "too late": "the time for all reading of one request was over",
    "too many rows": "one request would read more rows than it may",
    "rewrap": "KMS did not wrap the data key",
    "refused": "DynamoDB refused the call, and would refuse it again",
    "not planned": "a decision asked for a row that the fetch plan does not name",
}
"""What `Incomplete.cause` can say: no row is named, so that it may stand in a decision."""

_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Errors after which the same call may succeed (DynamoDB Developer Guide, "Error handling with DynamoDB")."""


Answer = TypeVar("Answer")


class Limits(NamedTuple):
    """`attempts` without progress, of one call; `seconds` and `rows` of one request; waits in seconds."""

    attempts: int = 5
    seconds: float = 5.0
    rows: int = 20_000
    first_wait: float = 0.025
    longest_wait: float = 0.8


class Calls:
    """The calls of one request, with its deadline. `clock` counts seconds; `chance` gives 0 to 1, for the jitter."""

    def __init__(
        self,
        client: Any,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.client = client
        self.limits = limits or Limits()
        self.made = 0
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._deadline = clock() + self.limits.seconds

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer of one operation of the client. Raises Incomplete; a failed condition stays a ClientError."""
        operate: Callable[..., dict[str, Any]] = getattr(self.client, operation)
        return self.attempt(partial(operate, **arguments))

    def attempt(self, function: Callable[[], Answer]) -> Answer:
        """The same of any function that makes one call, or a few that may all be made again."""
        failed = 0
        while True:
            self.in_time()
            self.made += 1
            try:
                return function()
            except ClientError as problem:
                cause = _cause(problem)
            except (ConnectionError, HTTPClientError):
                cause = "unreachable"
            except BotoCoreError as problem:  # the arguments break the service's model
                raise Incomplete("refused") from problem
            failed += 1
            if failed >= self.limits.attempts:
                raise Incomplete(cause)
            self.wait(failed)

    def wait(self, failed: int) -> None:
        """Full jitter: anything up to a bound that doubles."""
        bound = min(self.limits.longest_wait, self.limits.first_wait * 2 ** (failed - 1))
        self._sleep(bound * self._chance())

    @property
    def is_late(self) -> bool:
        """Whether more than half of the time is over: what can be left for another request should be."""
        return self._deadline - self._clock() < self.limits.seconds / 2

    def in_time(self) -> None:
        if self._clock() >= self._deadline:
            raise Incomplete("too late")


def _cause(problem: ClientError) -> str:
    """Why a call may be made again; raises where it may not."""
    code = problem.response["Error"]["Code"]
    if code in _PASSING:
        return "throttled"
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in problem.response.get("CancellationReasons", ())}
        if "ConditionalCheckFailed" not in reasons and reasons & {"TransactionConflict", "ThrottlingError"}:
            return "throttled"
        raise problem
    if code == "ConditionalCheckFailedException":
        raise problem
    raise Incomplete("refused") from problem
