"""What a Python text assigns, as far as it can be known without running it: by `ast`, never by eval."""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from parsers.records import Value

MOST_CHARACTERS = 1000
"""Of a string value."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A top-level assignment of a value that can be known."""

    name: str
    value: Value
    line: int


def settings(source: str) -> list[Setting]:
    """What each name holds at the end, in the order of the last assignments. Raises SyntaxError for no Python.

    A name that is bound again to something unknown is left out. What follows an exec() is a program, no config:
    nanoGPT's train.py keeps its defaults above one.
    """
    known: dict[str, Setting] = {}
    for node in _parse(source).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_exec(node.value):
            break
        _bind(node, known, 0)
    return list(known.values())


def salvaged_settings(source: str) -> list[Setting]:
    """The settings of a text with foreign or broken lines in between, which are left out."""
    try:
        return settings(source)
    except SyntaxError:
        pass
    known: dict[str, Setting] = {}
    for number, line in enumerate(source.split("\n")):
        try:
            for node in _parse(line).body:
                _bind(node, known, number)
        except SyntaxError:
            continue
    return list(known.values())


def evaluate(node: ast.expr, known: Mapping[str, Setting]) -> Value | None:
    """The value of an expression of literals, arithmetic, earlier names and joined strings; else None."""
    try:
        value = _value(node, known)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None
    if isinstance(value, str):
        return value if len(value) <= MOST_CHARACTERS else None
    return value if isinstance(value, int | float) and abs(value) < 2**63 else None


def literal(text: str) -> Value | None:
    """The value of a text such as "5 * 8", "1e-3" or "'owt'"; None where it is anything else."""
    try:
        node = _parse(text.strip()).body
    except SyntaxError:
        return None
    return evaluate(node[0].value, {}) if len(node) == 1 and isinstance(node[0], ast.Expr) else None


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():  # a "\d" in somebody's string must not print a SyntaxWarning over the screen
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or "too deeply nested") from None


def _is_exec(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "exec"


def _bind(node: ast.stmt, known: dict[str, Setting], lines_before: int) -> None:
    value = None
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _plain(node):
        value = evaluate(node.value, known)
    for name in _bound(node):
        known.pop(name, None)
        if value is not None:
            known[name] = Setting(name, value, lines_before + node.lineno)


def _plain(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(target, ast.Name) for target in targets)


def _bound(node: ast.stmt) -> list[str]:
    """Every name that a statement may bind: what was known of it holds no longer."""
    names = []
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.append(name)
            case ast.alias(name=name, asname=other):
                names.append(other or name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
    return names


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > 64 or abs(base) > 1e6:
        raise ValueError("too large")
    result: float = base**exponent
    return result


ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
ROUNDING: dict[str, Callable[[float], int | float]] = {"int": int, "float": float, "round": round}


def _value(node: ast.expr, known: Mapping[str, Setting]) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name) if name in known:
            return known[name].value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, known)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return +_number(operand, known)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if isinstance(start := _value(left, known), str):
            end = _value(right, known)
            if isinstance(end, str) and len(start) + len(end) <= MOST_CHARACTERS:
                return start + end
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in ARITHMETIC:
            return ARITHMETIC[type(sign)](_number(left, known), _number(right, known))
        case ast.Call(func=ast.Name(id=name), args=[single], keywords=[]) if name in ROUNDING and name not in known:
            return ROUNDING[name](_number(single, known))
    raise ValueError("cannot be known without running it")


def _number(node: ast.expr, known: Mapping[str, Setting]) -> int | float:
    value = _value(node, known)
    if isinstance(value, str) or abs(value) >= 2**63:
        raise ValueError("not a number of this world")
    return value
