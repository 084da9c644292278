"""The encoder of documents agrees with their evaluator, and each of its rules matters: change one, and they part."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from tests import document_pairs

pytest.importorskip("cvc5")


def test_random_documents_and_requests_get_one_answer_from_both() -> None:
    seen, wrong = document_pairs.run(seed=7, stacks=32, each=10)
    assert wrong == []
    assert sum(seen.values()) - seen["refused"] - seen["too long"] >= 250
    assert seen["allowed"] >= 30
    assert seen["denied"] >= 100


@pytest.mark.soak
def test_five_thousand_random_pairs_get_one_answer_from_both() -> None:
    seen, wrong = document_pairs.run(seed=8, stacks=500, each=12)
    assert wrong == []
    decided = seen["allowed"] + seen["denied"] + seen["undetermined"]
    assert decided >= 5_000
    assert seen["allowed"] >= 0.12 * decided
    assert seen["denied"] >= 0.3 * decided
    assert seen["undetermined"] >= 0.01 * decided


# ---- Each rule of the encoder matters

MUTATIONS: dict[str, tuple[str, str, str, int]] = {
    "StringEquals is anything": ("conditions", "return known(texts.equals(text, term))", 'return known("true")', 32),
    "case counts": (
        "conditions",
        "same = f\"(str.in_re {term} {texts.any_case(''.join(map(str, text)))})\"",
        "same = texts.equals(text, term)",
        42,
    ),
    "StringLike without wildcards": (
        "conditions",
        'StringLike": Operator("String", _like, wildcards=True)',
        'StringLike": Operator("String", _like)',
        32,
    ),
    "ArnEquals over all parts at once": (
        "conditions",
        "return known(like_parts(parts, term, where))",
        "return known(texts.like(text, term, where=where))",
        360,
    ),
    "ArnLike is anything": (
        "conditions",
        '"ArnLike": Operator("String", _like_arn, wildcards=True),',
        '"ArnLike": Operator("String", lambda *_: known("true"), wildcards=True),',
        28,
    ),
    "Bool the other way round": (
        "conditions",
        'term if word == "true" else terms.negated(term)',
        'term if word == "false" else terms.negated(term)',
        19,
    ),
    "NumericEquals": ("conditions", '"Equals": "="', '"Equals": ">="', 49),
    "LessThan": ("conditions", '"LessThan": "<"', '"LessThan": "<="', 108),
    "LessThanEquals": ("conditions", '"LessThanEquals": "<="', '"LessThanEquals": "<"', 61),
    "GreaterThan": ("conditions", '"GreaterThan": ">"', '"GreaterThan": ">="', 254),
    "GreaterThanEquals": ("conditions", '"GreaterThanEquals": ">="', '"GreaterThanEquals": ">"', 178),
    "a second too late": ("conditions", "terms.integer(seconds)", "terms.integer(seconds + 1)", 5),
    "StringNotEquals": (
        "conditions",
        '    "StringNotEquals": "StringEquals",\n',
        '    "StringNotEquals": "StringLike",\n',
        151,
    ),
    "StringNotEqualsIgnoreCase": (
        "conditions",
        '"StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase"',
        '"StringNotEqualsIgnoreCase": "StringEquals"',
        55,
    ),
    "StringNotLike": ("conditions", '"StringNotLike": "StringLike"', '"StringNotLike": "StringEquals"', 52),
    "ArnNotEquals": ("conditions", '"ArnNotEquals": "ArnEquals"', '"ArnNotEquals": "StringEquals"', 57),
    "ArnNotLike": ("conditions", '"ArnNotLike": "ArnLike"', '"ArnNotLike": "StringEquals"', 182),
    "NumericNotEquals": (
        "conditions",
        '"NumericNotEquals": "NumericEquals"',
        '"NumericNotEquals": "NumericLessThan"',
        52,
    ),
    "DateNotEquals": ("conditions", '"DateNotEquals": "DateEquals"', '"DateNotEquals": "DateLessThan"', 5),
    "a negated operator is not": (
        "conditions",
        "return readings.negated(matched) if self.negated else matched",
        "return matched",
        11,
    ),
    "a missing key is unequal to nothing": (
        "conditions",
        "self.if_exists or self.qualifier or self.negated",
        "self.if_exists or self.qualifier",
        11,
    ),
    "IfExists skips nothing": ("conditions", '"true" if self.if_exists or', '"true" if', 11),
    "ForAllValues asks for the key": (
        "conditions",
        "self.if_exists or self.qualifier or self.negated",
        "self.if_exists or (self.negated and not self.qualifier)",
        28,
    ),
    "ForAnyValue of a missing key": ("conditions", "return OPEN if self.if_exists else NO", "return OPEN", 109),
    "ForAnyValue IfExists of a missing key": ("conditions", "return OPEN if self.if_exists else NO", "return NO", 35),
    "ForAllValues asks for one": ("conditions", 'if self.qualifier == "ForAllValues":', "if False:", 102),
    "ForAnyValue asks for all": ("conditions", 'if self.qualifier == "ForAllValues":', "if True:", 32),
    "an empty value is a value": (
        "conditions",
        'full = terms.negated(f\'(= {value.term} "")\') if self.operator.sort == "String" else "true"',
        'full = "true"',
        514,
    ),
    "Null the other way round": (
        "conditions",
        'if words == {"true"} else present',
        'if words == {"false"} else present',
        3,
    ),
    "Null of an empty value": ("conditions", 'if key not in LISTS and symbols.sort(key) == "String":', "if False:", 42),
    "values are all wanted": (
        "conditions",
        "matched = readings.any_of([self._matches",
        "matched = readings.all_of([self._matches",
        32,
    ),
    "a variable voids nothing": (
        "conditions",
        "return Reading(terms.all_of([certain, reading.certain]), reading.possible)\n\n    def _text",
        "return reading\n\n    def _text",
        11,
    ),
    "IfExists does not spare a variable": (
        "conditions",
        "certain = terms.any_of([certain, terms.negated(present)])",
        "pass",
        106,
    ),
    "a variable without a value is empty": (
        "conditions",
        "Reading(_certainly(filled), has), matched",
        'Reading("true", "true"), matched',
        88,
    ),
    "an old version has variables": ("conditions", "variables=self.variables,", "variables=True,", 741),
    "one spelling counts": ("conditions", "    if again is None:\n", "    if True:\n", 104),
    "`*` ends the text": (
        "texts",
        'return "true" if len(text) == 1 else f"(str.prefixof {joined(text[:-1])} {term})"',
        "return equals(text[:-1], term)",
        27,
    ),
    "`?` is any number": ("texts", "            yield within\n", '            yield "re.all"\n', 48),
    "`?` after a symbol": (
        "texts",
        'if more else "true"\n    return all_of([f"(str.prefixof',
        'if False else "true"\n    return all_of([f"(str.prefixof',
        199,
    ),
    "the tenant is its literal": (
        "conditions",
        "pieces += [Symbol(TENANT)] if at else []",
        'pieces += ["tenant"] if at else []',
        86,
    ),
    "NotAction is Action": (
        "stacks",
        "known(terms.negated(self.actions.among(statement.not_action, where)))",
        "known(self.actions.among(statement.not_action, where))",
        20,
    ),
    "NotResource is Resource": (
        "stacks",
        "readings.negated(covered) if statement.resource is None else covered",
        "covered",
        11,
    ),
    "a variable in Resource voids nothing": (
        "stacks",
        "return Reading(terms.all_of([certain, reading.certain]), reading.possible)\n\n    def _covers",
        "return reading\n\n    def _covers",
        83,
    ),
    "a wildcard crosses a colon": ("stacks", "if _crosses(text):", "if False:", 81),
    "`*` covers nothing": ("stacks", 'return YES, "true"\n        text', 'return NO, "true"\n        text', 1),
    "everyone by name is anyone": ("stacks", 'Reading(terms.negated(unsure), "true")', 'known("true")', 25),
    "aws:PrincipalArn names nobody": (
        "stacks",
        'if any(fold(c.key) == "aws:principalarn"',
        'if False and any(fold(c.key) == "aws:principalarn"',
        1871,
    ),
    "the account is everyone in it": (
        "stacks",
        'yield "account", known(terms.all_of([caller(["session", "user"]), inside]))',
        'yield "direct", known(terms.all_of([caller(["session", "user"]), inside]))',
        19,
    ),
    "a user is delegated to": ("stacks", 'else ("direct", ["user"])', 'else ("account", ["user"])', 72),
    "another's role": (
        "stacks",
        "yield way, known(terms.all_of([caller(kinds), fixed(ARN, name)]))",
        "yield way, known(caller(kinds))",
        7,
    ),
    "another service": ("stacks", "caller([kind.lower()]), fixed(NAME, name)", 'caller(["service", "federated"])', 18),
    "keys are as other resources": (
        "stacks",
        'return "true" if self.stack.kind in ("kms", "trust") else "false"',
        'return "false"',
        3,
    ),
    "keys without a policy open": ("stacks", '((KMS, ":key/"),', '((KMS, ":none/"),', 5),
    "the root user has no rights": (
        "stacks",
        'identity = readings.any_of([root, by("identity")])',
        'identity = by("identity")',
        1,
    ),
    "a boundary caps nobody": (
        "stacks",
        'boundary = readings.any_of([root, by("boundary")]) if',
        "boundary = YES if",
        24,
    ),
    "a boundary caps a named role no more": (
        "stacks",
        'readings.all_of([reached("role"), boundary])',
        'reached("role")',
        71,
    ),
    "a boundary caps an Allow to everyone": (
        "stacks",
        "readings.agreed(everyone, readings.all_of([everyone, boundary]))",
        "readings.all_of([everyone, boundary])",
        47,
    ),
    "across accounts one side is enough": (
        "stacks",
        "across = readings.all_of([reached(*everybody), capped_identity])",
        "across = reached(*everybody)",
        1,
    ),
    "accounts are one": ("stacks", "readings.when(same, within, across)", "within", 1),
    "nobody is denied": (
        "stacks",
        "return readings.all_of([allowed, readings.negated(denied), readings.negated(refused)])",
        "return readings.all_of([allowed, readings.negated(refused)])",
        3,
    ),
    "identity policies bind the root user": (
        "stacks",
        'with_identity = known(caller(["session", "user"]))',
        "with_identity = YES",
        11,
    ),
    "the root user assumes roles": (
        "stacks",
        "readings.negated(denied), readings.negated(refused)",
        "readings.negated(denied)",
        5,
    ),
    "actions compare by case": ("actions", "if any(_matches(each, fold(name))", "if any(_matches(each, name)", 3),
    "a pattern of actions is a name": (
        "actions",
        "return action.startswith(beginning) if star else action == beginning",
        "return action == beginning",
        5,
    ),
    "a reading is both": (
        "readings",
        "return Reading(terms.negated(one.possible), terms.negated(one.certain))",
        "return Reading(terms.negated(one.certain), terms.negated(one.possible))",
        83,
    ),
    "names come twice and agree": (
        "readings",
        "terms.any_of([one.possible, other.possible])",
        "terms.all_of([one.possible, other.possible])",
        47,
    ),
}
"""What is changed: the module, the text, what it becomes, and a seed whose pairs notice."""


@contextmanager
def mutated(name: str, old: str, new: str) -> Iterator[None]:
    """A module of the encoder with its text changed, for all who have imported from it."""
    module = importlib.import_module(f"policyengine.analysis.documents.{name}")
    source = inspect.getsource(module)
    assert source.count(old) >= 1, old
    before = dict(vars(module))
    try:
        _become(module, source.replace(old, new))
        yield
    finally:
        after = dict(vars(module))
        vars(module).update(before)
        for other in _users():
            for key, value in list(vars(other).items()):
                if key in before and value is after.get(key):
                    vars(other)[key] = before[key]


def _users() -> list[ModuleType]:
    return [
        m
        for n, m in sys.modules.items()
        if n.startswith("policyengine.analysis.documents") or n == "tests.document_pairs"
    ]


def _become(module: ModuleType, source: str) -> None:
    before = dict(vars(module))
    exec(compile(source, module.__file__ or "", "exec"), vars(module))
    for other in _users():
        for key, value in list(vars(other).items()):
            if other is not module and key in before and value is before[key]:
                vars(other)[key] = vars(module)[key]


OFTEN = 3
"""One mutation in so many is tried in every run of the tests, the others in the soak."""
CASES = [
    pytest.param(name, marks=() if at % OFTEN == 0 else pytest.mark.soak, id=name) for at, name in enumerate(MUTATIONS)
]


@pytest.mark.parametrize("mutation", CASES)
def test_a_changed_rule_is_noticed(mutation: str) -> None:
    name, old, new, seed = MUTATIONS[mutation]
    with mutated(name, old, new):
        _, wrong = document_pairs.run(seed, stacks=1, each=10)
    assert wrong


@pytest.mark.soak
def test_the_pairs_that_notice_agree_without_the_change() -> None:
    for seed in sorted({seed for *_, seed in MUTATIONS.values()}):
        assert document_pairs.run(seed, stacks=1, each=10)[1] == []
