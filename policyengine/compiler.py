"""The pipeline, in order: read, parse, resolve, check and lower, simplify; then specialize and emit.

Each step takes and returns plain values; what is wrong with a policy set comes out as diagnostics.
"""

from __future__ import annotations

import builtins
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from policyengine.backends.python import emit_python, policy_digest
from policyengine.diagnostics import Diagnostic, Findings, PolicyError
from policyengine.frontend.ast import AnyDeclaration
from policyengine.frontend.cases import Case, cases
from policyengine.frontend.lowering import lower
from policyengine.frontend.parser import parse
from policyengine.frontend.resolver import refuse_empty, resolve
from policyengine.frontend.warning import warn
from policyengine.ir.nodes import Program
from policyengine.ir.simplifier import simplify_program
from policyengine.source import Source


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a policy set became, with the cases of its tests. `program` is None where a finding is an error."""

    declarations: tuple[AnyDeclaration, ...]
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    cases: tuple[Case, ...] = ()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: what is made is kept, and to look through all of it again and again takes long."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_uncollected()
def compile_sources(sources: Iterable[Source]) -> Compiled:
    """Text to core. The result does not depend on the order of the sources."""
    findings = Findings()
    ordered = sorted(sources, key=lambda source: source.name)
    declarations = tuple(declaration for source in ordered for declaration in parse(source, findings))
    if not declarations:
        refuse_empty(ordered[0] if ordered else Source("policies", ""), findings)
    program = lower(declarations, resolve(declarations, findings), findings)
    tests = cases(declarations, program, findings) if program else ()
    whole = simplify_program(program) if program and findings.ok else None
    if whole:
        warn(declarations, whole, findings)
    return Compiled(declarations, whole, findings.sorted(), tests)


def compile_folders(policies: str | Path, schemas: str | Path | None = None) -> Compiled:
    """A policy set from files: `*.policy` and `*.schema` in the folders, or single files.

    Raises FileNotFoundError where a folder or file is not there.
    """
    paths = [*_files(Path(policies))] + ([*_files(Path(schemas))] if schemas is not None else [])
    return compile_sources(_read(path) for path in dict.fromkeys(paths))


def program_of(compiled: Compiled) -> Program:
    """The program, or PolicyError with the findings."""
    if compiled.program is None:
        raise PolicyError(compiled.diagnostics)
    return compiled.program


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in (".policy", ".schema") and not file.is_dir())
    if not path.exists():
        raise FileNotFoundError(f"no such file or folder: {path}")
    return [path]


def _read(path: Path) -> Source:
    """A file's text. Bytes that are not UTF-8 become lone surrogates: the parser says where they are."""
    return Source(str(path), path.read_bytes().decode("utf-8", "surrogateescape"))


# ---- From the core to something that decides


class Engine:
    """A policy set, compiled in memory: the same code as the built bundle (docs/language.md, Decisions)."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.digest = policy_digest(program)
        self._module = _in_memory(emit_python(program))

    def entities(self, data: Any) -> Any:
        """Rows beside a request, from one object of arrays by type: checked and indexed once; immutable.

        Raises ValueError where `data` is not an object of arrays. Malformed rows count as absent.
        """
        return self._module["entities"](data)

    def authorize(self, request: Any, entities: Any) -> dict[str, Any]:
        """The full decision on a request: decision, rules, reason, obligations, errors. Never raises: it denies."""
        decision: dict[str, Any] = self._module["authorize"](request, entities)
        return decision

    def allowed(
        self, principal: Any, action: Any, resource: Any, entities: Any, context: Any = None, discharged: Any = ()
    ) -> bool:
        """Whether it is allowed, with every obligation among the `discharged` ones. Never raises: it says no."""
        verdict: bool = self._module["allowed"](principal, action, resource, entities, context, discharged)
        return verdict

    def filter(
        self, principal: Any, action: Any, resources: Any, entities: Any, context: Any = None, discharged: Any = ()
    ) -> list[Any]:
        """Those of the records that are allowed, in order. Raises `engine.Incomplete` where a row cannot be loaded."""
        found: list[Any] = self._module["filter"](principal, action, resources, entities, context, discharged)
        return found

    @property
    def Incomplete(self) -> type[Exception]:
        """What `filter` raises where a row could not be loaded."""
        kind: type[Exception] = self._module["Incomplete"]
        return kind


def _in_memory(texts: dict[str, str]) -> dict[str, Any]:
    """The namespace of a bundle's main module. Its parts run when it would import them, and import from it."""
    package = ModuleType("policy_bundle")
    parts: dict[str, ModuleType] = {}

    def find(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
        if level:  # `from . import ...`, inside a part
            return package
        part = name.removeprefix("policy_bundle.")
        if part not in texts:
            return __import__(name, globals, locals, fromlist)
        if part not in parts:
            parts[part] = run(part, ModuleType(name))
        return parts[part]

    def run(name: str, module: ModuleType) -> ModuleType:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": find}
        exec(compile(texts[name], f"<policy_bundle.{name}>", "exec"), vars(module))
        return module

    return vars(run("__init__", package))


def load(policies: str | Path, schemas: str | Path | None = None) -> Engine:
    """The engine of a policy set in files. Raises PolicyError with the findings, or FileNotFoundError."""
    return Engine(program_of(compile_folders(policies, schemas)))
