"""`policyengine build`: a policy set compiled, or shown as it is on the way there."""

from __future__ import annotations

import argparse
import json
import os
import py_compile
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from policyengine.backends.dynamodb import Unfetchable, emit_plans, plan
from policyengine.backends.python import emit_python, policy_digest
from policyengine.cli import policies
from policyengine.cli.failures import Misuse, Refused, unknown
from policyengine.cli.reading import Unreadable, read_value
from policyengine.compiler import Compiled
from policyengine.frontend.printer import print_declarations
from policyengine.interpreter.checking import faults
from policyengine.ir.nodes import Program
from policyengine.ir.printer import print_program, print_rules
from policyengine.model.values import is_tenant_id
from policyengine.partial.specializer import Partly, specialize

SUMMARY = "compile a policy set"
DESCRIPTION = (
    "Writes the bundle OUT/policy_bundle, a Python package that stands alone; "
    "or, with --emit, prints what the policy set becomes on the way and writes nothing. "
    "Exit code: 0 done, 1 errors in the policies or a refusal, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument("--out", metavar="FOLDER", help="where the bundle goes (default: build)")
    parser.add_argument("--emit", choices=(*_EMITTERS,), help="print this instead")
    residual = parser.add_argument_group(
        "what is known, for --emit residual: the rules that are then left; for --emit plan: what resolvers then read"
    )
    residual.add_argument("--action", help="the action asked for")
    residual.add_argument("--type", help="the type of the record")
    residual.add_argument("--principal", metavar="JSON", help="who asks: a JSON object, or a file that holds one")
    kms = parser.add_argument_group("for --emit kms: the key policy of one organization's key")
    kms.add_argument("--org", help="the organization's id")


def run(arguments: argparse.Namespace) -> int:
    _fit_together(arguments)
    compiled = policies.compile_named(arguments)
    program = policies.program_or_findings(compiled)
    if program is None:
        return 1
    if arguments.emit:
        print(_EMITTERS[arguments.emit](compiled, program, arguments), end="")
        return 0
    print(_write_bundle(program, Path("build" if arguments.out is None else arguments.out)))
    print(f"digest {policy_digest(program)}")
    return 0


_CELL = ("action", "type", "principal")
_OWN_OPTIONS = {"residual": _CELL, "plan": _CELL, "kms": ("org",)}
_NEEDED = {"residual": ("action", "type"), "plan": ("action", "type"), "kms": ("org",)}


def _fit_together(arguments: argparse.Namespace) -> None:
    """Every option that is given has a use, and every one that is needed is given."""
    if arguments.emit and arguments.out is not None:
        raise Misuse("--emit writes nothing, so that --out has no use", "leave one of them out")
    own = _OWN_OPTIONS.get(arguments.emit, ())
    for name in ("action", "type", "principal", "org"):
        if getattr(arguments, name) is not None and name not in own:
            emits = " or ".join(f"--emit {emit}" for emit, names in _OWN_OPTIONS.items() if name in names)
            raise Misuse(f"--{name} has a use with {emits} only", "add that, or leave it out")
    needed = _NEEDED.get(arguments.emit, ())
    missing = [f"--{name}" for name in needed if getattr(arguments, name) is None]
    if missing:
        needs = " and ".join(f"--{name}" for name in needed)
        raise Misuse(f"--emit {arguments.emit} needs {needs}", f"add {' and '.join(missing)}")


# ---- The bundle


def _write_bundle(program: Program, out: Path) -> Path:
    """The whole package beside its place, and then in it: who imports meanwhile finds the old one or none."""
    path, new, old = (out / name for name in ("policy_bundle", f".new-{os.getpid()}", f".old-{os.getpid()}"))
    try:
        new.mkdir(parents=True)
        for name, text in {**emit_python(program), "plans": emit_plans(program)}.items():
            (new / f"{name}.py").write_text(text, "utf-8", newline="\n")
            py_compile.compile(
                str(new / f"{name}.py"),
                dfile=f"policy_bundle/{name}.py",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
        if path.exists():
            if not _is_bundle(path):
                raise Misuse(f"{path} is there and is no bundle", "move it away, or name another folder with --out")
            path.rename(old)
        new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return path


def _is_bundle(path: Path) -> bool:
    module = path / "__init__.py"
    return module.is_file() and module.read_bytes().startswith(b'"""Generated by policyengine')


# ---- What can be shown


def _python(program: Program) -> str:
    return "\n".join(f"# ==== policy_bundle/{name}.py\n\n{text}" for name, text in emit_python(program).items())


def _residual(compiled: Compiled, program: Program, arguments: argparse.Namespace) -> str:
    """The rules that are left, after a line that says what is known."""
    known = _known(program, arguments)
    who = "" if known.principal is None else f", principal {json.dumps(known.principal)}"
    left = specialize(program, known)
    return "\n".join([f"// known: action {known.action}, type {known.type}{who}", *_left(left)])


def _plan(compiled: Compiled, program: Program, arguments: argparse.Namespace) -> str:
    """What resolvers read for such a request, as JSON (docs/aws-resolver-rows.md, Lists)."""
    try:
        found = plan(program, _known(program, arguments)).as_data()
        return "{\n" + ",\n".join(f'  "{name}": {json.dumps(part)}' for name, part in found.items()) + "\n}\n"
    except Unfetchable as refusal:
        raise Refused(f"refused[{refusal.code}]: {refusal}") from refusal


def _known(program: Program, arguments: argparse.Namespace) -> Partly:
    """What the arguments say of a request; Misuse where the policy set has no such type, action or principal."""
    schema, action, type_name = program.schema, arguments.action, arguments.type
    if type_name not in schema.resource:
        raise unknown("type", type_name, schema.type_names)
    actions = schema.actions_on.get(type_name, ())
    if action not in actions:
        raise unknown(f"action on {type_name}", action, actions)
    principal = None if arguments.principal is None else _principal(program, arguments.principal)
    return Partly(action, type_name, principal)


def _left(program: Program) -> Iterator[str]:
    if not program.rules:
        yield "// nothing is left: no rule can allow\n"
        return
    if not any(rule.effect == "permit" for rule in program.rules):
        yield "// no permit is left: no rule can allow"
    yield print_rules(program)


def _principal(program: Program, given: str) -> dict[str, Any]:
    """The declared attributes of a principal; Misuse with the causes where it is malformed."""
    declared = program.schema.principal
    try:
        in_place = given.lstrip().startswith("{")
        principal = read_value(given.encode("utf-8", "surrogatepass") if in_place else Path(given).read_bytes())
    except (OSError, Unreadable) as problem:
        cause = problem.strerror if isinstance(problem, OSError) else problem
        raise Misuse(f"--principal: {cause}", "give a JSON object, or a file that holds one") from problem
    causes = list(faults(program.schema, declared.attributes, principal, "principal"))
    if not causes and principal.get("type") not in (None, declared.name):
        causes.append(f"principal.type: expected {declared.name}")
    if causes:
        raise Misuse(", ".join(causes), f"give a {declared.name} as the schema declares it")
    return {a.name: principal[a.name] for a in declared.attributes if principal.get(a.name) is not None}


def _smt(compiled: Compiled, program: Program, arguments: argparse.Namespace) -> str:
    from policyengine.analysis.encoder import encode_isolation
    from policyengine.analysis.expressions import Unsupported

    try:
        return encode_isolation(program)
    except Unsupported as refusal:
        raise Refused(f"refused: {refusal}") from refusal


def _kms(compiled: Compiled, program: Program, arguments: argparse.Namespace) -> str:
    if not is_tenant_id(arguments.org):
        raise Misuse("--org is no organization's id", "give 1 to 64 of A-Z a-z 0-9 _ -")
    from policyengine.backends import kms

    try:
        return json.dumps(kms.emit_key_policy(program, arguments.org), indent=2) + "\n"
    except kms.Refused as refusal:
        raise Refused(f"refused[{refusal.code}]: {refusal}") from refusal


_EMITTERS: dict[str, Callable[[Compiled, Program, argparse.Namespace], str]] = {
    "ast": lambda compiled, program, _: print_declarations(compiled.declarations),
    "core": lambda compiled, program, _: print_program(program),
    "python": lambda compiled, program, _: _python(program),
    "residual": _residual,
    "plan": _plan,
    "smt": _smt,
    "kms": _kms,
}
