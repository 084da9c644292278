"""What a check of `policyengine prove` came to: one `Verdict` for each claim, whichever layer it is about.

A claim is about all requests. `proved`: none breaks it, and some request shows that it is not empty. `refuted`: the
counterexample breaks it, and was replayed. `vacuous`: nothing breaks it, since nothing could. `unknown`: the solvers
gave up. `refused`: something in it has no encoding. Only `proved` counts as held; whoever asks fails on all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["proved", "refuted", "unknown", "vacuous", "refused"]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one solver said, and how long it took in its process, in seconds."""

    solver: str
    version: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`check` is what is claimed ("isolation", "boundary"), `subject` of what (a rule, a threat's line, a document).

    `layer` is `policy` or one of the words after `held by`. `witness` shows that the claim is not empty,
    `counterexample` that it is false; both are plain JSON, for a policy `{"request": ..., "data": ...}`. `reason` is a
    sentence for people, there unless proved. `assumptions` are those that the proof used. `refused` lists the
    constructs without an encoding. `blamed` names the rules or statements at fault. `evidence` is the digest (sha256)
    of the question as SMT-LIB text; `seconds` is the time that it took in all.
    """

    check: str
    subject: str
    status: Status
    layer: str = "policy"
    reason: str = ""
    witness: Any = None
    assumptions: tuple[str, ...] = ()
    counterexample: Any = None
    blamed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    opinions: tuple[Opinion, ...] = field(default=(), compare=False)
    evidence: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def held(self) -> bool:
        return self.status == "proved"

    @property
    def contradicted(self) -> bool:
        """Whether the solvers contradict each other: one of them is wrong, and nothing is known."""
        return {"sat", "unsat"} <= {opinion.status for opinion in self.opinions}

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON, in the order of the fields; times are rounded to milliseconds."""
        opinions = [{**asdict(opinion), "seconds": round(opinion.seconds, 3)} for opinion in self.opinions]
        parts = {name: getattr(self, name) for name in self.__slots__}
        made = {name: list(part) if isinstance(part, tuple) else part for name, part in parts.items()}
        return {**made, "opinions": opinions, "seconds": round(self.seconds, 3)}


def all_held(verdicts: Iterable[Verdict]) -> bool:
    """Whether every claim is proved, and there is one: no proof at all is none."""
    found = list(verdicts)
    return bool(found) and all(verdict.held for verdict in found)


class InternalError(Exception):
    """A counterexample that does not replay, or solvers that contradict each other: a bug, never a finding."""
