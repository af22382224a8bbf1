"""Small faults of a module: mutmut's operators, and those by which this house has been hurt.

Statements that are left out are locks and refusals; conditions that are left out of SQL are states that a row may not
leave. A text in Python is no rule, so none is changed, nor what is logged.
"""

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

_OPERATORS = [one for one in mutators.mutation_operators if one[1] is not mutators.operator_string]
# What begins or ends a condition of SQL that is written out.
_WORDS = re.compile(
    r'[()]|\b(?:WHERE|AND|OR|THEN|FROM|RETURNING|ORDER BY|GROUP BY|OFFSET|LIMIT|EXCEPT|UNION)\b|"+(?=,?\s*\)|\s*f?")'
)
# Elsewhere a call without an argument is refused by Python itself, which is no proof of a test.
_OF_A_STATEMENT = m.Call(
    func=m.Attribute(attr=m.Name("where") | m.Name("values") | m.Name("order_by") | m.Name("limit"))
)
# What one of two who come at once would be refused by, or wait for.
_GUARDS = m.Call(func=m.Attribute(attr=m.Name("with_for_update") | m.Name("on_conflict_do_nothing")))
_IS_LOGGED = m.Call(func=m.Attribute(value=m.Name("log")))


@dataclass(frozen=True)
class Mutant:
    """A module with one fault."""

    module: str
    line: int
    source: str
    diff: str


def of(folder: Path, module: str) -> list[Mutant]:
    """Every one that can be made, from the top of the module to its end."""
    text = (folder / module).read_text()
    made = [*_of_functions(text), *_of_sql(text)]
    return [
        Mutant(module, line, source, _diff(module, text, source))
        for line, source in sorted(set(made))
        if source != text and _is_python(source)
    ]


def _of_functions(text: str) -> Iterator[tuple[int, str]]:
    wrapper = MetadataWrapper(cst.parse_module(text))
    collector = _Collector()
    wrapper.visit(collector)
    for line, original, replacement in collector.found:
        yield line, wrapper.module.deep_replace(original, replacement).code  # type: ignore[arg-type]


class _Collector(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []
        self._functions = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (cst.Decorator, cst.Annotation, cst.Param)) or m.matches(node, _IS_LOGGED):
            return False
        if self._functions or m.matches(node, _GUARDS):
            self._change(node)
        self._functions += isinstance(node, cst.FunctionDef)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._functions -= isinstance(original_node, cst.FunctionDef)

    def _change(self, node: cst.CSTNode) -> None:
        line = self.get_metadata(PositionProvider, node).start.line
        changed = [
            new
            for kind, change in _OPERATORS
            if isinstance(node, kind)
            and (change is not mutators.operator_arg_removal or m.matches(node, _OF_A_STATEMENT))
            for new in change(node)
        ]
        if m.matches(node, m.SimpleStatementLine(body=[m.Expr(m.Call()) | m.Raise()])) and not m.matches(
            node, m.SimpleStatementLine(body=[m.Expr(_IS_LOGGED)])
        ):
            changed.append(cst.parse_statement("pass"))
        if m.matches(node, _GUARDS):
            changed.append(node.func.value)  # type: ignore[attr-defined]
        self.found += [(line, node, new) for new in changed]


def _of_sql(text: str) -> Iterator[tuple[int, str]]:
    """Each condition of the statements that are written out is left out once."""
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text"):
            continue
        start = sum(map(len, text.splitlines(keepends=True)[: node.lineno - 1]))
        end = sum(map(len, text.splitlines(keepends=True)[: node.end_lineno]))
        for first, last in _conditions(text, start, end):
            yield text.count("\n", 0, first) + 1, text[:first] + text[last:]


def _conditions(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each begins and ends, with the word that joins it to the one before, or else to the one after it."""
    depth = 0
    open_at: dict[int, re.Match[str]] = {}
    for word in _WORDS.finditer(text, start, end):
        begun = open_at.pop(depth, None) if word[0] != "(" else None
        if begun and begun[0] == "WHERE" and word[0] in ("AND", "OR"):
            yield begun.end() + 1, word.end() + 1
        elif begun:
            yield begun.start(), word.start()
        if word[0] in ("WHERE", "AND", "OR"):
            open_at[depth] = word
        depth += (word[0] == "(") - (word[0] == ")")


def _is_python(source: str) -> bool:
    try:
        compile(source, "a mutant", "exec")
    except SyntaxError:
        return False
    return True


def _diff(module: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), module, module, n=1, lineterm="")
    return "\n".join(list(lines)[2:])
