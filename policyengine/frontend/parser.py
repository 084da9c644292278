"""Text to syntax tree. The only module that knows lark; `grammar.lark` beside it is the reference.

In: a `Source`. Out: its declarations, or a finding. Tree builders carry the names of the grammar's rules.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.source import Source, Span

MAX_NESTING = 32
"""How deep parentheses, braces and `not` may nest: deeper text is refused rather than recursed into."""

_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]|\r(?!\n)"
)
_LEXEME = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|\w+|[^\w\s]')


def parse(source: Source, findings: Findings) -> tuple[ast.AnyDeclaration, ...]:
    """The declarations of one file; none, with a finding, where the text does not follow the grammar."""
    if unsafe := _UNSAFE.search(source.text):
        findings.error(
            "forbidden-character",
            f"the character U+{ord(unsafe.group()):04X} may not stand in a policy file",
            Span(source, unsafe.start(), unsafe.end()),
            "remove it: such a character can make a rule read otherwise than it is",
        )
        return ()
    if deep := _too_deep(source):
        findings.error(
            "too-deep", f"nested more than {MAX_NESTING} deep", deep, "give a part of it a name with `define`"
        )
        return ()
    try:
        tree = _lark().parse(source.text)
    except UnexpectedInput as problem:
        _report(problem, source, findings)
        return ()
    built: tuple[ast.AnyDeclaration, ...] = _Builder(source).transform(tree)
    return built


def grammar() -> str:
    """The text of the grammar file."""
    return files("policyengine.frontend").joinpath("grammar.lark").read_text("utf-8")


@cache
def _lark() -> Lark:
    return Lark(grammar(), parser="lalr", maybe_placeholders=True)


def _too_deep(source: Source) -> Span | None:
    """The first place that is nested too deep: counted on the text, before anything recurses into it."""
    enclosing: list[int] = []
    level = 0
    for lexeme in _LEXEME.finditer(source.text):
        match lexeme.group():
            case "(" | "{":
                enclosing.append(level)
                level += 1
            case ")" | "}":
                level = enclosing.pop() if enclosing else 0
            case "not":
                level += 1
            case _:
                level = enclosing[-1] + 1 if enclosing else 0
        if level > MAX_NESTING:
            return Span(source, *lexeme.span())
    return None


def _report(problem: UnexpectedInput, source: Source, findings: Findings) -> None:
    """One syntax error, in the author's words."""
    start = problem.pos_in_stream or 0
    match problem:
        case UnexpectedToken(token=Token(type="$END")):
            end = len(source.text.rstrip())
            findings.error("syntax", "the file ends in the middle of a declaration", Span(source, max(0, end - 1), end))
        case UnexpectedToken(token=Token() as token, accepts=accepts):
            span = Span(source, start, start + len(token))
            findings.error("syntax", f"`{token[:40]}` cannot stand here", span, _expected(accepts))
        case UnexpectedCharacters(char=char):
            span = Span(source, start, start + 1)
            findings.error("syntax", f"`{char}` cannot stand here", span, _expected(problem.allowed))
        case _:
            findings.error("syntax", "the text does not follow the grammar", Span(source, start, start + 1))


def _expected(names: set[str] | None) -> str:
    shown = {
        "RAW": "JSON between backticks",
        "NAME": "a name",
        "STRING": "a text in quotes",
        "NUMBER": "a number",
        "OPERATOR": "a comparison",
    }
    literal = {terminal.name: terminal.pattern.value for terminal in _lark().terminals}
    literal["OPTIONAL"] = "?"
    words = sorted(
        shown.get(name) or f"`{literal[name].replace(chr(92), '')}`"
        for name in names or ()
        if name in literal and name not in ("DOC", "COMMENT", "SPACE", "$END")
    )
    return f"expected {' or '.join(words)}" if 0 < len(words) <= 6 else ""


class _Builder(Transformer[Token, Any]):
    """One method a rule of the grammar. Children are built already; what is optional and absent is None."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    def _span(self, children: list[Any]) -> Span:
        """From the first to the last child that has a place; an empty declaration has the start of the file."""
        first = next((span for child in children if (span := self._place(child))), None)
        last = next((span for child in reversed(children) if (span := self._place(child))), None)
        return first.to(last) if first and last else Span(self._source, 0, 0)

    def _place(self, child: Any) -> Span | None:
        match child:
            case Token():
                return Span(self._source, child.start_pos or 0, child.end_pos or 0)
            case ast.Node():
                return child.span
            case tuple():
                return self._span(list(child)) if child else None
        return None

    def start(self, c: list[Any]) -> tuple[ast.AnyDeclaration, ...]:
        return tuple(c)

    def declaration(self, c: list[Any]) -> ast.AnyDeclaration:
        docs, build = c
        declaration: ast.AnyDeclaration = build(docs)
        return declaration

    def doc(self, c: list[Token]) -> tuple[str, ...]:
        return tuple(line[3:].strip() for line in c)

    # Each declaration is built when its docs are known: its method returns a function of them.

    def tenant(self, c: list[Any]) -> Any:
        return lambda docs: ast.Tenant(self._span(c), docs, *c)

    def enum(self, c: list[Any]) -> Any:
        name, (values, ordered) = c
        return lambda docs: ast.Enum(self._span([name, values]), docs, name, values, ordered)

    def ordered(self, c: list[Any]) -> Any:
        return tuple(child for child in c if isinstance(child, ast.Name)), True

    def unordered(self, c: list[Any]) -> Any:
        return tuple(c), False

    def principal(self, c: list[Any]) -> Any:
        return lambda docs: ast.Principal(self._span(c), docs, *c)

    def context(self, c: list[Any]) -> Any:
        return lambda docs: ast.Context(self._span(c), docs, *c)

    def shape(self, c: list[Any]) -> Any:
        return lambda docs: ast.Shape(self._span(c), docs, *c)

    def resource(self, c: list[Any]) -> Any:
        return lambda docs: ast.Resource(self._span(c), docs, *c)

    def grant(self, c: list[Any]) -> Any:
        name, on, of_type, of_id, to, member, member_tenant, body, counts, crosses = c
        return lambda docs: ast.Grant(
            self._span(c), docs, name, on, (of_type, of_id), to, (member, member_tenant), body, counts, bool(crosses)
        )

    def action(self, c: list[Any]) -> Any:
        return lambda docs: ast.Action(self._span(c), docs, *c)

    def obligation(self, c: list[Any]) -> Any:
        return lambda docs: ast.Obligation(self._span(c), docs, *c)

    def access(self, c: list[Any]) -> Any:
        name, by, *rows = c
        return lambda docs: ast.Access(self._span(c), docs, name, by, tuple(rows))

    def inherit(self, c: list[Any]) -> ast.Inherit:
        docs, value, parent = c
        return ast.Inherit(self._span([value, parent]), docs, value, parent)

    def permission(self, c: list[Any]) -> ast.Permission:
        docs, label, who, actions = c
        return ast.Permission(
            self._span([label, who, actions]), docs, None if isinstance(label, Token) else label, who, actions
        )

    def who(self, c: list[Any]) -> ast.Who:
        kind, name = c
        return ast.Who(self._span(c), str(kind), name if isinstance(name, ast.Name) else None)

    def changing(self, c: list[Any]) -> Any:
        return lambda docs: ast.Changing(self._span(c), docs, *c)

    def define(self, c: list[Any]) -> Any:
        name, *parameters, body = c
        given = tuple(p for p in parameters if p is not None)
        return lambda docs: ast.Define(self._span(c), docs, name, given, body)

    def parameter(self, c: list[Any]) -> ast.Parameter:
        return ast.Parameter(self._span(c), *c)

    def permit(self, c: list[Any]) -> Any:
        return lambda docs: ast.Rule(self._span(c), docs, "permit", *c)

    def forbid(self, c: list[Any]) -> Any:
        return lambda docs: ast.Rule(self._span(c), docs, "forbid", *c)

    def require(self, c: list[Any]) -> Any:
        name, obligation, *fields, actions, on, when, unless, because = c
        given = tuple(f for f in fields if f is not None)
        return lambda docs: ast.Rule(
            self._span(c), docs, "require", name, actions, on, when, unless, because, obligation, given
        )

    def field(self, c: list[Any]) -> Any:
        return tuple(c)

    def only_child(self, c: list[Any]) -> Any:
        return c[0]

    when = unless = only_child

    def text(self, c: list[Token]) -> ast.Value:
        return self.value(c)

    because = without_tenant = text

    def threat(self, c: list[Any]) -> Any:
        name, description, *items = c
        return lambda docs: ast.Threat(self._span(c), docs, name, self.value([description]), tuple(items))

    def never(self, c: list[Any]) -> ast.Never:
        return ast.Never(self._span(c), *c)

    def some(self, c: list[Any]) -> tuple[ast.Name, ...]:
        return () if isinstance(c[0], Token) else c[0]

    def held(self, c: list[Any]) -> ast.Held:
        return ast.Held(self._span(c), c[0])

    def not_ours(self, c: list[Any]) -> ast.NotOurs:
        return ast.NotOurs(self._span(c), self.value(c))

    def aws(self, c: list[Any]) -> Any:
        return lambda docs: ast.Aws(self._span(c), docs, tuple(c))

    def setting(self, c: list[Any]) -> ast.Setting:
        kind, name, value = c
        return ast.Setting(self._span(c), kind, name, self.value([value]))

    # ---- Tests

    def test(self, c: list[Any]) -> Any:
        title, *statements = c
        return lambda docs: ast.Test(self._span(c), docs, self.value([title]), tuple(statements))

    def fixture(self, c: list[Any]) -> ast.Let:
        name, (of, changed, value) = c
        return ast.Let(self._span([name, value]), name, of, changed, value)

    def object_of(self, c: list[Any]) -> Any:
        return c[0], False, c[1]

    def changed(self, c: list[Any]) -> Any:
        return c[0], True, c[1]

    def raw(self, c: list[Token]) -> Any:
        return None, False, ast.Raw(self._span(c), c[0][1:-1])

    def raw_row(self, c: list[Any]) -> Any:
        return c[0], False, ast.Raw(self._span(c), c[1][1:-1])

    def row_fixture(self, c: list[Any]) -> ast.Row:
        of, _, value = c[0]
        return ast.Row(self._span([of, value]), of, value)

    def context_fixture(self, c: list[Any]) -> ast.TestContext:
        value = c[0] if isinstance(c[0], ast.Object) else c[0][2]
        return ast.TestContext(value.span, value)

    def expectation(self, c: list[Any]) -> ast.Expectation:
        verdict, principal, action, record, rules, *owed, errors = c
        obligations = tuple(one for one in owed if one is not None)
        allow = verdict.type == "ALLOW"
        span = self._span(c)
        return ast.Expectation(span, allow, principal, action, record, rules or (), obligations, errors or ())

    def rule_ids(self, c: list[Any]) -> Any:
        return tuple(c)

    def owed(self, c: list[Any]) -> Any:
        return tuple(c)

    def errs(self, c: list[Token]) -> Any:
        return tuple(self.value([token]) for token in c)

    def object(self, c: list[Any]) -> ast.Object:
        return ast.Object(self._span(c), tuple(member for member in c if member is not None))

    def member(self, c: list[Any]) -> Any:
        return tuple(c)

    # ---- Parts

    def body(self, c: list[Any]) -> ast.Body:
        return ast.Body(self._span(c), tuple(a for a in c if a is not None))

    def attribute(self, c: list[Any]) -> ast.Attribute:
        name, type_name, optional, default, mark, source = c
        return ast.Attribute(self._span(c), name, type_name, optional is not None, default, mark, source)

    def type(self, c: list[Any]) -> ast.TypeName:
        return ast.TypeName(self._span(c), *c)

    def names(self, c: list[ast.Name]) -> tuple[ast.Name, ...]:
        return tuple(c)

    def name(self, c: list[Token]) -> ast.Name:
        return ast.Name(self._span(c), str(c[0]))

    # ---- Expressions

    def disjunction(self, c: list[Any]) -> ast.Or:
        return ast.Or(self._span(c), tuple(c))

    def conjunction(self, c: list[Any]) -> ast.And:
        return ast.And(self._span(c), tuple(c))

    def inversion(self, c: list[Any]) -> ast.Not:
        return ast.Not(self._span(c), c[1])

    def compare(self, c: list[Any]) -> ast.Compare:
        left, operator, right = c
        return ast.Compare(self._span(c), left, str(operator), right)

    def membership(self, c: list[Any]) -> ast.In:
        item, *choices = c
        return ast.In(self._span(c), item, tuple(choice for choice in choices if choice is not None))

    def presence(self, c: list[Any]) -> ast.Has:
        return ast.Has(self._span(c), c[1])

    def path(self, c: list[Any]) -> ast.Path:
        return ast.Path(self._span(c), tuple(c))

    def call(self, c: list[Any]) -> ast.Call:
        name, *arguments = c
        return ast.Call(self._span(c), name, tuple(a for a in arguments if a is not None))

    def granted(self, c: list[Any]) -> ast.Granted:
        return ast.Granted(self._span(c))

    def value(self, c: list[Token]) -> ast.Value:
        (token,) = c
        value: str | int | bool
        match token.type:
            case "STRING":
                value = re.sub(r"\\(.)", r"\1", token[1:-1])
            case "NUMBER":
                value = int(token)
            case _:
                value = token.type == "TRUE"
        return ast.Value(self._span(c), value)
