"""DynamoDB's transactions in memory, for enumerating what can happen between two flows; and KMS, as far as they use it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.items import item_of, plain
from policyengine.resolvers.layout import Key, Layout
from policyengine.resolvers.store import Change, Conflict, Row, When


class Memory:
    """Every operation is atomic, and every read is consistent. `step` is called before each, by its name."""

    def __init__(self, rows: dict[Key, Row], step: Callable[[str], None] = lambda _: None) -> None:
        self.rows = rows
        self.step = step

    def get(self, key: Key) -> Row | None:
        self.step("get")
        return self._copy(key)

    def partition(self, partition: str) -> list[tuple[Key, Row]]:
        self.step("partition")
        return [(key, dict(row)) for key, row in sorted(self.rows.items()) if key.partition == partition]

    def write(self, changes: Sequence[Change]) -> None:
        self.step("write")
        assert 0 < len(changes) <= 100
        assert len({change.key for change in changes}) == len(changes), "an item is named twice"
        if not all(self._is(self.rows.get(change.key), change.when) for change in changes):
            raise Conflict
        for change in changes:
            if change.row is not None:
                self.rows[change.key] = plain(item_of(change.row))
            elif change.set is None:
                self.rows.pop(change.key, None)
            else:
                row = {**self.rows.get(change.key, {}), **change.set}
                self.rows[change.key] = {name: value for name, value in row.items() if value is not None}

    def _copy(self, key: Key) -> Row | None:
        return dict(self.rows[key]) if key in self.rows else None

    def _is(self, row: Row | None, when: When) -> bool:
        found = row or {}
        if when.there is not None and when.there is (row is None):
            return False
        if any(found.get(name) != value for name, value in when.equal.items()):
            return False
        return all(found.get(name) is not None and found[name] > bound for name, bound in when.above.items())

    # ---- As a client, for decisions

    def batch_get_item(self, RequestItems: Any) -> Any:
        self.step("batch")
        ((table, asked),) = RequestItems.items()
        layout = Layout()
        keys = [layout.key(each) for each in asked["Keys"]]
        found = [{**layout.attributes(key), **item_of(self.rows[key])} for key in keys if key in self.rows]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}


class Kms:
    """Wraps that name their key and context; `step` is called before each call."""

    def __init__(self, step: Callable[[str], None] = lambda _: None) -> None:
        self.step = step

    def re_encrypt(self, **asked: Any) -> Any:
        self.step("kms")
        assert asked["CiphertextBlob"] == sealed(asked["SourceKeyId"], asked["SourceEncryptionContext"])
        return {"CiphertextBlob": sealed(asked["DestinationKeyId"], asked["DestinationEncryptionContext"])}


def sealed(key: str, context: dict[str, str]) -> bytes:
    return f"{key} {sorted(context.items())}".encode()


class Crash(BaseException):
    """The process is gone: no clause of the code under test catches it."""


class FaultAt:
    """A step that fails once, at one place: before the operation, with Incomplete or by a crash."""

    def __init__(self, index: int, fault: BaseException) -> None:
        self.index, self.fault, self.made = index, fault, 0

    def __call__(self, operation: str) -> None:
        self.made += 1
        if self.made - 1 == self.index:
            raise self.fault


def schedules(first: int, second: int) -> Iterator[tuple[int, ...]]:
    """Every order of so many steps of one flow and so many of another."""
    for places in itertools.combinations(range(first + second), first):
        yield tuple(0 if number in places else 1 for number in range(first + second))


class Turns:
    """Two flows, one step at a time, in the order of a schedule; after it the first goes on to its end, then the other."""

    def __init__(self, schedule: Sequence[int]) -> None:
        self._left = list(schedule)
        self._waiting: set[int] = set()
        self._done: set[int] = set()
        self._changed = threading.Condition()

    def run(self, flows: Sequence[Callable[[Callable[[str], None]], Any]]) -> list[Any]:
        """What each flow returned, or the exception that it raised."""
        results: list[Any] = [None] * len(flows)

        def work(number: int) -> None:
            try:
                results[number] = flows[number](lambda _: self._wait(number))
            except Exception as failure:
                results[number] = failure
            finally:
                with self._changed:
                    self._done.add(number)
                    self._changed.notify_all()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(flows))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        return results

    def _wait(self, number: int) -> None:
        """Until it is this flow's turn, and the other one waits too, or is done: one step at a time."""
        with self._changed:
            self._waiting.add(number)
            self._changed.notify_all()
            while not (self._waiting | self._done >= {0, 1} and self._next() == number):
                assert self._changed.wait(10)
            if self._left:
                self._left.pop(0)
            self._waiting.discard(number)

    def _next(self) -> int:
        while self._left and self._left[0] in self._done:
            self._left.pop(0)
        return self._left[0] if self._left else min({0, 1} - self._done)


__all__ = ["Crash", "FaultAt", "Incomplete", "Kms", "Memory", "Turns", "schedules", "sealed"]
