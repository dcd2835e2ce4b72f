"""Print every mutant of the core, a JSON line each: cosmic-ray's operators, and one that leaves a statement out.

Runs in the environment of cosmic-ray (``.tools/mutants``), which has nothing else of the project.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import parso
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

# One change a place says enough: `==` becomes `!=`, and not every other comparison as well.
OPERATORS: Final = (
    "AddNot",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceContinueWithBreak",
    "ZeroIterationForLoop",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
)


class LeaveOut(Operator):  # type: ignore[misc]
    """Put ``pass`` in the place of an assignment, a call, an assertion or a return within a function."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Where: a simple statement below a function, but no docstring and no declaration."""
        if node.type == "simple_stmt" and parso.python.tree.search_ancestor(node, "funcdef"):
            statement = node.children[0]
            is_call = statement.type in {"atom_expr", "power"}
            is_assignment = statement.type == "expr_stmt" and "=" in statement.get_code()
            if is_call or is_assignment:
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put ``pass`` there."""
        assert index == 0
        left_out = parso.parse("pass\n").children[0]
        left_out.get_first_leaf().prefix = node.get_first_leaf().prefix
        return left_out

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """None; of cosmic-ray's interface."""
        return ()


def mutants(path: Path) -> Iterator[tuple[str, str, str]]:
    """A file's mutants: the operator, the whole mutated source, and the change as a reader of a diff sees it."""
    source = path.read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    operators: dict[str, Any] = {name: plugins.get_operator(f"core/{name}")() for name in OPERATORS}
    for name, operator in {**operators, "LeaveOut": LeaveOut()}.items():
        places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
        for occurrence in range(places):
            mutated = mutate_code(source, operator, occurrence)
            if mutated is not None:
                yield name, mutated, _change(source, mutated)


def _change(before: str, after: str) -> str:
    """``function: old line -> new line``, by which a survivor is known when lines move."""
    pairs = enumerate(zip(before.splitlines(), after.splitlines(), strict=False), start=1)
    line, (old, new) = next((line, pair) for line, pair in pairs if pair[0] != pair[1])
    return f"{_function(before, line)}: {old.strip()} -> {new.strip()}"


def _function(source: str, line: int) -> str:
    """The innermost function or class around a line."""
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno).name if around else "module"


def main() -> None:
    """Print those of the files below a folder."""
    folder = Path(sys.argv[1])
    for path in sorted(folder.rglob("*.py")):
        seen = {path.read_text(encoding="utf-8")}
        for name, source, change in mutants(path):
            if source not in seen:
                seen.add(source)
                line = {"path": str(path), "operator": name, "change": change, "source": source}
                sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
