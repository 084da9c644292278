"""Two policy sets over one vocabulary: who gains access by the change, who loses it, and whose obligations change.

Asked once for all requests, and where somebody does, once more of each rule that is not the same in both, so that every
rule at fault is named with a request of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from policyengine.analysis.claims import Claim, Goal, Seen
from policyengine.analysis.encoder import ALLOWED, WAS_ALLOWED
from policyengine.analysis.facts import Facts
from policyengine.analysis.terms import any_of, negated
from policyengine.ir.nodes import Program, Rule
from policyengine.model.schema import Schema

GAINS, LOSES, FREED, OBLIGED = "nobody gains", "nobody loses", "nobody is freed", "nobody is obliged"


def difference(before: Program, after: Program) -> str:
    """What of the two vocabularies is not the same, in words; empty where nothing is."""
    if before.live != after.live:
        return "conditions on which grant rows count"
    if set(before.changing) != set(after.changing):
        return "rights to change attributes"
    old, new = before.schema, after.schema
    return next((part.name for part in fields(Schema) if getattr(old, part.name) != getattr(new, part.name)), "")


@dataclass(frozen=True)
class Comparison:
    before: Program
    after: Program

    def claims(self) -> Iterator[Claim]:
        """Of all requests: both of the first two proved is `equivalent`, one of them is `implies`."""
        yield Claim(GAINS, "policies", Goal((ALLOWED, negated(WAS_ALLOWED)), self._gains, "a request is newly allowed"))
        loses = Goal((WAS_ALLOWED, negated(ALLOWED)), self._loses, "a request is no longer allowed")
        yield Claim(LOSES, "policies", loses)
        for name in sorted({r.obliges.name for p in (self.before, self.after) for r in p.rules if r.obliges}):
            was, now = self._owed(self.before, name, "before "), self._owed(self.after, name)
            both = (ALLOWED, WAS_ALLOWED)
            freed = Goal((*both, was, negated(now)), self._freed(name), "an allow comes without it that came with it")
            yield Claim(FREED, name, freed)
            newly = Goal((*both, now, negated(was)), self._newly(name), "an allow comes with it that came without it")
            yield Claim(OBLIGED, name, newly)

    def by_rule(self, check: str) -> Iterator[Claim]:
        """The same of each rule that changed, and of those requests for which it does what can make the difference."""
        new, old = {rule.id: rule for rule in self.after.rules}, {rule.id: rule for rule in self.before.rules}
        changed = sorted(id for id in {*new, *old} if new.get(id) != old.get(id))
        gains = check == GAINS
        seen, word = (self._gains, "newly allowed") if gains else (self._loses, "no longer allowed")
        outcome = (ALLOWED, negated(WAS_ALLOWED)) if gains else (WAS_ALLOWED, negated(ALLOWED))
        for id in changed:
            term = any_of([*_acts(new.get(id), gains), *_acts(old.get(id), not gains, "before ")])
            if term != "false":
                goal = Goal(
                    (*outcome, term), seen, f"a request is {word}, by `{id}` as it {_change(id in old, id in new)}"
                )
                yield Claim(check, id, goal, blamed=id)

    def _was(self, facts: Facts) -> Facts:
        return Facts(self.before, facts.found)

    def _gains(self, facts: Facts) -> bool:
        return facts.allowed and not self._was(facts).allowed

    def _loses(self, facts: Facts) -> bool:
        return not facts.allowed and self._was(facts).allowed

    def _freed(self, name: str) -> Seen:
        return lambda f: f.allowed and name not in f.obliged and self._was(f).allowed and name in self._was(f).obliged

    def _newly(self, name: str) -> Seen:
        return lambda f: f.allowed and name in f.obliged and self._was(f).allowed and name not in self._was(f).obliged

    def _owed(self, program: Program, name: str, prefix: str = "") -> str:
        return any_of(f"|{prefix}{rule.id}|" for rule in program.rules if rule.obliges and rule.obliges.name == name)


def _acts(rule: Rule | None, allows: bool, prefix: str = "") -> list[str]:
    """Where a rule, of the side that allows or of the one that denies, does its part in that."""
    if rule is None or (rule.effect == "permit") != allows:
        return []
    own, errs = f"|{prefix}{rule.id}|", f"|{prefix}{rule.id}.err|"
    return [own] if rule.effect == "permit" else [own, errs] if rule.effect == "forbid" else [errs]


def _change(was: bool, now: bool) -> str:
    return "was changed" if was and now else "is new" if now else "was taken away"
