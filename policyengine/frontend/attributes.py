"""Bodies to attributes: what type each attribute has, and which of them are marked or serve as keys.

In: bodies of declarations, and the `Vocabulary` of the policy set. Out: attributes of the schema, with findings. An
attribute whose type nobody knows has the type `UNKNOWN`; no finding is made of what is built on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast, claims, mending
from policyengine.frontend.mending import article, listed, put, retyped, suggest
from policyengine.model import schema as model
from policyengine.model.schema import CONTEXT_SOURCES, Known
from policyengine.model.types import BASICS, BOOL, INT, STRING, Entity, Enum, Id, Shape, Type
from policyengine.source import Span

MARKS = {
    "identity": ("principal", "resource", "shape"),
    "owner": ("resource", "shape"),
    "role": ("principal", "grant"),
}
"""Where an attribute can be marked `as` what."""
UNKNOWN = Entity("unknown")


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read: the words that may have been declared there. `anything`: it may have been anything."""

    words: frozenset[str] = frozenset()
    anything: bool = False

    def may_declare(self, kind: str) -> bool:
        """Whether a declaration with that keyword may be among what could not be read."""
        return self.anything or kind in self.words


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that types are made of. `tenant` and `principal` are empty where nobody knows them."""

    tenant: str
    tenant_key: str
    principal: str
    enums: dict[str, Enum]
    enum_declarations: dict[str, ast.Enum]
    shapes: dict[str, ast.Shape]
    resources: dict[str, ast.Resource]
    unread: Unread


@dataclass(frozen=True, slots=True)
class Body:
    """A body to read: who has it, what kind of place it is, its attributes, and behind what its braces open.

    `names`: all that have it, of whom `whose` is the first.
    """

    whose: ast.Name
    place: str
    own: tuple[ast.Attribute, ...]
    head: Span
    inherited: tuple[ast.Attribute, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def attributes(self) -> tuple[ast.Attribute, ...]:
        return self.inherited + self.own


class Attributes:
    """Reads bodies, one at a time."""

    def __init__(self, vocabulary: Vocabulary, findings: Findings) -> None:
        self.vocabulary = vocabulary
        self.findings, self.error = findings, findings.error

    def read(self, body: Body) -> model.Attributes:
        """The attributes of a body, those that can be there, each once."""
        return tuple(self._attribute(a, body.place) for a in self._each_once(body))

    def _each_once(self, body: Body) -> Iterator[ast.Attribute]:
        seen: dict[str, ast.Attribute] = {}
        for index, a in enumerate(body.attributes, -len(body.inherited)):
            first = seen.setdefault(a.name.text, a)
            if first is a:
                yield a
            elif index >= 0:
                message, also = f"`{a.name.text}` is declared twice", [Label(first.name.span, "first here")]
                edits = mending.without_item(body.own, index)
                self.error("duplicate", message, a.name.span, "remove one of them", edits, also=also)

    # ---- One attribute

    def type(self, name: ast.TypeName, *, shapes: bool = False, resources: bool = True) -> Type:
        """The type that a name stands for; UNKNOWN, mostly with a finding, where it stands for none."""
        words, text = self.vocabulary, name.name.text
        if name.of is not None:
            return self._id(name, name.of)
        if text in BASICS:
            return BASICS[text]
        if text in words.enums:
            return words.enums[text]
        if text in words.shapes:
            if shapes:
                return Shape(text)
            message = f"an attribute of shape `{text}` may stand in the context only"
            self.error("wrong-type", message, name.span, "write its attributes out")
        elif text not in words.unread.words:
            known = (*BASICS, *words.enums, *(words.shapes if shapes else ()))
            help = f"there is {listed(known)}"
            self.error("unknown-name", f"no type is called `{text}`", name.span, *suggest(name.name, known, help))
        return UNKNOWN

    def _id(self, name: ast.TypeName, of: ast.Name) -> Type:
        words = self.vocabulary
        known = (words.tenant, words.principal, *words.resources)
        if name.name.text != "Id":
            message = f"`{name.name.text}` takes no `of`"
            self.error("wrong-type", message, name.name.span, "only an `Id` is of something", put(name.name.span, "Id"))
        elif of.text not in known and of.text not in words.unread.words and words.tenant and words.principal:
            message = f"`{of.text}` is no tenant, principal or resource type"
            self.error("unknown-name", message, of.span, *suggest(of, known, f"there is {listed(known)}"))
        return Id(of.text, of.text == words.tenant)

    def _attribute(self, a: ast.Attribute, place: str) -> model.Attribute:
        if a.name.text == "type":
            help = "every object may carry `type`, the name of its own type: choose another"
            self.error("shadowing", "no attribute can be called `type`", a.name.span, help, put(a.name.span, "type_"))
        claimed = place == "principal" and a.claim is not None
        if place != "context" and (extra := a.default or (None if claimed else a.source)):
            message = "a default and `from` may stand in the context only"
            self.error("not-available", message, extra.span, "remove it", mending.without_context_parts(a))
        if a.mark and a.mark.text not in MARKS:
            help = f"an attribute is {', '.join(f'`{mark}`' for mark in MARKS)}, or has no mark"
            self.error("unknown-name", f"`as {a.mark.text}` means nothing", a.mark.span, *suggest(a.mark, MARKS, help))
        elif a.mark and place not in MARKS[a.mark.text]:
            message, help = f"`as {a.mark.text}` means nothing here", "remove the mark"
            self.error("not-available", message, a.mark.span, help, mending.unmarked(a))
        if a.default is not None and a.optional:
            message = f"`{a.name.text}` is never absent, for it has a default"
            self.error("conflict", message, a.default.span, "remove the `?` or the default", mending.required(a))
        type_ = self.type(a.type, shapes=place == "context")
        mark = a.mark.text if a.mark else ""
        default = self._default(a.default, type_) if a.default else None
        claim = claims.claim_of(a, None if type_ == UNKNOWN else type_, self.findings) if claimed else ""
        known = Known.RECORD if claimed else self._source(a, place)
        return model.Attribute(a.name.text, type_, a.optional, default, mark, known, claim)

    def _default(self, default: ast.Value | ast.Path, type_: Type) -> str | int | bool | None:
        match default:
            case ast.Value(value=value) if type_ == {str: STRING, int: INT, bool: BOOL}[type(value)]:
                return value
            case ast.Path(names=(ast.Name(text=text),)) if isinstance(type_, Enum) and text in type_.values:
                return text
        if type_ != UNKNOWN:
            help, edits = retyped(default, type_)
            self.error(
                "wrong-type", f"this default is no `{type_}`", default.span, help or f"write {article(type_)}", edits
            )
        return None

    def _source(self, a: ast.Attribute, place: str) -> Known:
        source = a.source
        if source is None or place != "context":  # where it may not stand, it means nothing
            return Known.RECORD
        if a.claim is not None:
            message, help = "claims and permissions belong to the principal alone", "remove `from` and what follows"
            self.error("not-available", message, a.claim.span, help, mending.without_context_parts(a))
            return Known.RECORD
        if source.text not in CONTEXT_SOURCES:
            message, help = f"the platform takes nothing from `{source.text}`", f"expected {', '.join(CONTEXT_SOURCES)}"
            self.error("unknown-name", message, source.span, *suggest(source, CONTEXT_SOURCES, help))
            return Known.RECORD
        return Known(source.text)

    # ---- Marks and keys

    def marked(self, body: Body, mark: str) -> str:
        """The name of the attribute with a mark, or an empty string; two are an error."""
        found = [a for a in body.attributes if a.mark and a.mark.text == mark]
        for extra in found[1:]:
            message = f"`{body.whose.text}` has two attributes marked `as {mark}`"
            self.error("duplicate", message, _mark(extra).span, "keep one mark", mending.unmarked(extra))
        for a in found:
            self._may_be_marked(a, mark, body)
        return found[0].name.text if found else ""

    def _may_be_marked(self, a: ast.Attribute, mark: str, body: Body) -> None:
        type_, span = self._quietly(a.type), _mark(a).span
        if type_ == UNKNOWN:
            return
        if mark == "role" and not (isinstance(type_, Enum) and type_.ordered):
            help = "declare the enum with `<` between its values, the least first"
            declared = self.vocabulary.enum_declarations.get(a.type.name.text)
            edits = mending.ordered(declared) if declared else ()
            self.error("wrong-type", f"the role `{a.name.text}` is no ordered enum", span, help, edits)
        elif mark != "role" and not self._is_id(type_, mark, body):
            message = f"`{a.name.text}` cannot be marked `as {mark}`"
            whose = "the principal" if mark == "owner" else f"`{body.whose.text}`"
            self.error(
                "wrong-type", message, span, f"its type is an `Id`, of {whose} or of nothing", mending.typed(a, "Id")
            )
        elif a.optional:
            message = f"`{a.name.text}` is marked `as {mark}`, but may be absent"
            self.error("wrong-type", message, span, "remove the `?`", mending.required(a))

    def _is_id(self, type_: Type, mark: str, body: Body) -> bool:
        """Whether values of that type can be the identities, or name the owners, of all that have the body."""
        own = {self.vocabulary.principal} if mark == "owner" else body.names
        if not self.vocabulary.principal and isinstance(type_, Id) and not type_.tenant:
            return True
        return isinstance(type_, Id) and (type_.of == "" or {type_.of} == own)

    def need_mark(self, body: Body, mark: str) -> str:
        """The same, where one has to be marked."""
        name = self.marked(body, mark)
        if not name:
            message = f"`{body.whose.text}` has no attribute marked `as {mark}`"
            self.error("missing-mark", message, body.whose.span, *self.mark_mend(body, mark))
        return name

    def mark_mend(self, body: Body, mark: str) -> mending.Mend:
        """Mark the attribute that is most likely meant, or write a new one."""
        wanted = [a for a in body.attributes if a.mark is None and self._could_be(a, mark, body)]
        names = {"identity": ("id", "key"), "owner": ("ownerId", "owner"), "role": ("role",)}[mark]
        wanted.sort(key=lambda a: (a.name.text not in names, a.optional))
        if wanted:
            first = wanted[0]
            help = f"mark one, as in `{first.name.text}: {first.type.name.text} as {mark}`"
            return help, mending.marked(first, mark)
        if mark == "role":
            return "mark one whose type is an ordered enum, as in `role: Role as role`", ()
        taken = {a.name.text for a in body.attributes}
        new = next((name for name in (*names, f"{names[0]}_") if name not in taken), "")
        return f"mark one, as in `{new}: Id as {mark}`", mending.into_braces(body.head, f"{new}: Id as {mark},")

    def _could_be(self, a: ast.Attribute, mark: str, body: Body) -> bool:
        type_ = self._quietly(a.type)
        return isinstance(type_, Enum) and type_.ordered if mark == "role" else self._is_id(type_, mark, body)

    def read_isolated(self, body: Body) -> model.Attributes:
        """The attributes of a body that must carry the tenant key; where it does not, that is the only finding."""
        words, attributes = self.vocabulary, self.read(body)
        if not words.tenant:
            return attributes
        key = model.Attribute(words.tenant_key, Id(words.tenant, True))
        a = next((a for a in body.attributes if a.name.text == key.name), None)
        if a and not a.optional and not a.default and self._quietly(a.type) in (key.type, UNKNOWN):
            return attributes
        message = f"`{body.whose.text}` does not carry the tenant key `{key.name}`"
        mend = _key_mend(body, a, f"{key.name}: Id of {words.tenant}")
        self.error("missing-mark", message, body.whose.span, *mend)
        return (*(a for a in attributes if a.name != key.name), key)

    def need_key(self, body: Body, key: ast.Name, wanted: Type) -> None:
        """The attribute that one of the words behind `by` names."""
        a = next((a for a in body.attributes if a.name.text == key.text), None)
        if a is None or a.optional or self._quietly(a.type) not in (wanted, UNKNOWN):
            alike = [a.name.text for a in body.attributes if not a.optional and self._quietly(a.type) == wanted]
            help, edits = suggest(key, alike) if a is None else ("", ())
            if not edits:
                help, edits = _key_mend(body, a, f"{key.text}: {wanted}")
            message = f"the key `{key.text}` is not a required attribute of type `{wanted}`"
            self.error("missing-mark", message, key.span, help, edits)

    def _quietly(self, name: ast.TypeName) -> Type:
        """The type that a name stands for, without a finding."""
        words, text = self.vocabulary, name.name.text
        if name.of is not None:
            return Id(name.of.text, name.of.text == words.tenant)
        return BASICS.get(text) or words.enums.get(text) or UNKNOWN


def _key_mend(body: Body, a: ast.Attribute | None, text: str) -> mending.Mend:
    if a is None:
        return f"add `{text}`", mending.into_braces(body.head, f"{text},")
    return f"write `{text}`", mending.typed(a, text.partition(": ")[2]) + mending.without_context_parts(a)


def _mark(a: ast.Attribute) -> ast.Name:
    assert a.mark is not None
    return a.mark
