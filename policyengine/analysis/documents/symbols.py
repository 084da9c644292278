"""The symbolic request: who calls, which action on which resource, and every condition key present, absent, or several.

In: the keys that documents and claims name. Out: declarations, and the conditions that hold of every request to AWS,
each under the name of the assumption that it rests on. Names of keys are folded, as IAM compares them without case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.texts import Symbol, any_case, equals, literal, one_of
from policyengine.analysis.terms import all_of, any_of, implies, negated
from policyengine.iam.matching import fold

Sort = Literal["String", "Int", "Bool", "Time"]
"""`Time` is an instant in whole seconds since 1970."""

KINDS = ("session", "user", "root", "service", "federated", "anonymous")
WITH_ACCOUNT = ("session", "user", "root")

LISTS = {
    fold(name): name
    for name in (
        "kms:EncryptionContextKeys",
        "aws:TagKeys",
        "dynamodb:LeadingKeys",
        "cognito-identity.amazonaws.com:amr",
    )
}
"""The keys of several values that are encoded. Every other key is taken to hold one value."""

NAMES = {"kms:encryptioncontextkeys": "kms:encryptioncontext:", "aws:tagkeys": "aws:requesttag/"}
"""A list of names, and how the keys begin that hold the values under those names."""

DERIVED = (
    "aws:principalaccount",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principaltype",
    "aws:resourceaccount",
    "aws:username",
    "kms:calleraccount",
)
"""Keys that follow from the rest of the request, and that no document of ours uses: refused."""

PRINCIPAL_ARN = "aws:principalarn"
TAG = "aws:principaltag/"
TENANT, RESOURCE, CALLER, ARN, NAME = "|tenant|", "|resource|", "|caller|", "|caller arn|", "|caller name|"

ASSUMED = {
    "typed": "AWS gives a condition key values of its type: true or false, a whole number, a time from 1970 to 9999",
    "tags": "a session tag holds letters, digits, spaces and _ . : / = + - @ only: AWS STS allows no other characters",
    "tagged": "only users and roles carry principal tags",
    "full": "no name of an encryption context or of a session tag is empty, nor is a partition key",
    "names": "the list of names of an encryption context, or of session tags, is that of the pairs in the request",
    "once": "no two session tags of a request have names that differ in case alone: AWS STS refuses them",
    "roles": "roles have the path `/`, and no two of an account share a name",
    "resources": "a resource is an ARN, or `*` where an action has none",
    "tenant": "an organization's id is 1 to 64 of A-Z a-z 0-9 _ -",
}
"""What is taken for granted of every request. Each condition stands under one of these names."""


def quoted(*words: object) -> str:
    """A symbol of SMT-LIB. Raises Unsupported where the words cannot stand in one."""
    text = " ".join(map(str, words))
    if "|" in text or "\\" in text:
        raise Unsupported("a name with `|` or a backslash", text)
    return f"|{text}|"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the request: whether it is there, and what it is, as terms."""

    present: str
    term: str


@dataclass
class Symbols:
    """`elements` are the values of each list that can be told apart, where they can be listed; of another list, `slots`
    is how many values can matter at once."""

    partition: str
    alphabet: frozenset[str]
    """The characters in all texts that values are compared with: no other character tells two requests apart."""
    elements: Mapping[str, tuple[str, ...]]
    slots: Mapping[str, int]
    typed: Mapping[str, Sort] = field(default_factory=dict)
    """The keys whose sort documents or claims settle, folded."""
    sorts: dict[str, Sort] = field(default_factory=dict)
    """By folded key, those that were asked for."""
    paired: dict[str, None] = field(default_factory=dict)
    """The keys that a request can hold in two spellings."""

    # ---- The caller

    def is_caller(self, kinds: Iterable[str]) -> str:
        return any_of(f"(= {CALLER} |{kind}|)" for kind in kinds)

    @property
    def has_account(self) -> str:
        return self.is_caller(WITH_ACCOUNT)

    def of_account(self, account: str) -> str:
        return f"(str.prefixof {literal(f'arn:{self.partition}:iam::{account}:')} {ARN})"

    # ---- Condition keys

    def value(self, key: str, sort: Sort, where: str) -> Value:
        """The one value of a key. Raises Unsupported for a key that is read as two sorts, and for a derived one."""
        name = fold(key)
        if name == PRINCIPAL_ARN and sort == "String":
            return Value(self.has_account, ARN)
        if name in DERIVED or name == PRINCIPAL_ARN:
            raise Unsupported("a key that follows from the rest of the request", where)
        if self.sorts.setdefault(name, sort) != sort:
            raise Unsupported("a key under operators of two types", where)
        return Value(quoted("has", name), quoted(name))

    def presence(self, key: str, where: str) -> str:
        """Whether the key is there, of whatever sort: of a list, whether it holds anything."""
        name = fold(key)
        if name in LISTS:
            return any_of(value.present for value in self.values(key))
        if name == PRINCIPAL_ARN:
            return self.has_account
        return self.value(key, self.sort(name), where).present

    def sort(self, key: str) -> Sort:
        return self.typed.get(fold(key), "String")

    def again(self, key: str) -> Value | None:
        """The other value of a name that an encryption context holds in two spellings; None where none can."""
        name = fold(key)
        prefix = NAMES["kms:encryptioncontextkeys"]
        if not name.startswith(prefix):
            return None
        self.paired.setdefault(name, None)
        return Value(quoted(name, "twice"), quoted(name, "again"))

    def values(self, key: str) -> list[Value]:
        """The values that a list may hold: these very ones, or so many of any kind."""
        name = fold(key)
        self.sorts.setdefault(name, "String")
        if name in self.elements:
            return [Value(quoted("has", name, each), literal(each)) for each in self.elements[name]]
        count = self.slots.get(name, 0)
        return [Value(quoted("has", name, at), quoted(name, at)) for at in range(1, count + 1)]

    def _spellings(self, names: str, pair: str) -> Iterator[tuple[str, str]]:
        """For each value of a list of names: that it is there and spells this name, and the value."""
        if names in self.elements:
            same = [(each, value) for each, value in zip(self.elements[names], self.values(names), strict=True)]
            yield from ((value.present, value.term) for each, value in same if fold(each) == pair)
            return
        for value in self.values(names):
            yield all_of([value.present, f"(str.in_re {value.term} {any_case(pair)})"]), value.term

    # ---- What holds of every request

    def declarations(self) -> Iterator[str]:
        """Call it last: it declares what was asked for."""
        kinds = " ".join(f"(|{kind}|)" for kind in KINDS)
        yield f"(declare-datatypes ((Caller 0)) (({kinds})))"
        yield f"(declare-const {CALLER} Caller)"
        for name in (ARN, NAME, RESOURCE, TENANT):
            yield f"(declare-const {name} String)"
        for key, sort in sorted(self.sorts.items()):
            if key in LISTS:
                for value in self.values(key):
                    yield f"(declare-const {value.present} Bool)"
                    if key not in self.elements:
                        yield f"(declare-const {value.term} String)"
                continue
            yield f"(declare-const {quoted('has', key)} Bool)"
            yield f"(declare-const {quoted(key)} {'Int' if sort == 'Time' else sort})"
            if key in self.paired:
                yield f"(declare-const {quoted(key, 'again')} {'Int' if sort == 'Time' else sort})"
        for key in sorted(self.paired):
            yield f"(define-fun {quoted(key, 'twice')} () Bool {self._twice(key)})"

    def _once(self, names: str, pair: str) -> str:
        """That a list of names holds this one in one spelling at most."""
        spelled = [*self._spellings(names, pair)]
        return all_of(
            negated(all_of([one, other, negated(equals((Symbol(term),), term_of_other))]))
            for at, (one, term) in enumerate(spelled)
            for other, term_of_other in spelled[at + 1 :]
        )

    def _twice(self, key: str) -> str:
        """Whether the names of the context hold this one in two spellings."""
        prefix = NAMES["kms:encryptioncontextkeys"]
        spelled = [*self._spellings("kms:encryptioncontextkeys", key.removeprefix(prefix))]
        return any_of(
            all_of([one, other, negated(equals((Symbol(term),), term_of_other))])
            for at, (one, term) in enumerate(spelled)
            for other, term_of_other in spelled[at + 1 :]
        )

    def conditions(self) -> Iterator[tuple[str, str]]:
        """Pairs of the assumption's name and the term."""
        yield "tenant", f"(<= 1 (str.len {TENANT}) 64)"
        yield "tenant", self._without(TENANT, NOT_IN_IDS)
        yield "roles", self._callers()
        yield "resources", f'(or (= {RESOURCE} "*") (str.in_re {RESOURCE} {_ARN}))'
        for key, sort in sorted(self.sorts.items()):
            if sort == "Time":
                yield "typed", f"(<= 0 {quoted(key)} {LATEST})"
            if key.startswith(TAG):
                value = quoted(key)
                yield "tags", self._without(value, NOT_IN_TAGS)
                yield "tagged", implies(quoted("has", key), self.has_account)
            for names, prefix in NAMES.items():
                if key.startswith(prefix):
                    spelled = any_of(there for there, _ in self._spellings(names, key.removeprefix(prefix)))
                    yield "names", f"(= {quoted('has', key)} {spelled})"
                    if names == "aws:tagkeys":
                        yield "once", self._once(names, key.removeprefix(prefix))
        for key in sorted(set(self.sorts) & set(LISTS) - set(self.elements)):
            yield "full", all_of(negated(f'(= {value.term} "")') for value in self.values(key))
            for one, other in zip(self.values(key), self.values(key)[1:], strict=False):
                yield "names", implies(other.present, one.present)  # which place a value stands in does not matter

    def _without(self, term: str, characters: Iterable[str]) -> str:
        listed = (each for each in characters if each in self.alphabet)
        return all_of(negated(f"(str.contains {term} {literal(each)})") for each in listed)

    def _callers(self) -> str:
        start, name = f"arn:{self.partition}:iam::", one_of("a-z A-Z 0-9 _ + = , . @ -")
        account = f'(str.to_re {literal(start)}) ((_ re.loop 12 12) (re.range "0" "9"))'
        forms = {
            "session": f"(re.++ {account} (str.to_re {literal(':role/')}) (re.+ {name}))",
            "user": f"(re.++ {account} (str.to_re {literal(':user/')}) (re.+ {name}))",
            "root": f"(re.++ {account} (str.to_re {literal(':root')}))",
        }
        return all_of(implies(self.is_caller([kind]), f"(str.in_re {ARN} {form})") for kind, form in forms.items())


LATEST = 253402300799
"""The last second of the year 9999."""

NOT_COLON = '(re.union (re.range "\\u{0}" "9") (re.range ";" "\\u{2ffff}"))'
_PART = f'(re.++ (re.* {NOT_COLON}) (str.to_re ":"))'
_ARN = f'(re.++ (str.to_re "arn:") ((_ re.loop 4 4) {_PART}) (re.+ re.allchar))'

_PRINTED = [chr(code) for code in range(32, 127)]
NOT_IN_TAGS = [c for c in _PRINTED if not c.isalnum() and c not in " _.:/=+-@"]
"""IAM User Guide, "Rules for tagging": letters of any script, and of ASCII nothing but the rest."""
NOT_IN_IDS = [c for c in _PRINTED if not c.isalnum() and c not in "_-"]
"""docs/studio.md, Records. Solvers are quicker at these than at one regular expression, and less is assumed."""


def fixed(symbol: str, text: str) -> str:
    """The condition that a string is this one."""
    return f"(= {symbol} {literal(text)})"
