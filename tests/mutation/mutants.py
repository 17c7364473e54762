"""Mutants of one source file: each is the file with one small change.

Rules of this file:

- A change is one that a hand could make by mistake: a comparison, an operator, a constant, a
  condition that is turned round or left out, a statement that is left out, a value not returned.
- What only a type checker or a reader sees is not changed: annotations, type variables, the type of
  a ``cast``, docstrings, ``__all__``, imports, code under TYPE_CHECKING, decorators, and the
  sentences of errors.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Mutant", "mutants"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


#: The way from the root of a tree to a node: names of fields, with places in lists.
_Path = tuple[tuple[str, int | None], ...]


@attrs.frozen
class Mutant:
    """One change.

    Attributes:
        line: Where, from 1.
        place: The function or class that it is in, as ``Class.function``; "" outside of any.
        before: The source that is changed.
        after: What it is changed to.
    """

    line: int
    place: str
    before: str
    after: str
    _tree: ast.Module
    _path: _Path
    _changed: ast.AST

    @property
    def source(self) -> str:
        """The whole file with the change."""
        copied = copy.deepcopy(self._tree)
        _put(copied, self._path, self._changed)
        return ast.unparse(ast.fix_missing_locations(copied))


def mutants(source: str) -> Iterator[Mutant]:
    """Yield the mutants of SOURCE, from its beginning to its end."""
    tree = ast.parse(source)
    for path in _paths(tree, ()):
        node, place = _at(tree, path), _place(tree, path)
        for changed in _changes(node):
            line = getattr(node, "lineno", 0)
            before, after = ast.unparse(node), ast.unparse(changed)
            yield Mutant(line, place, before, after, tree, path, changed)


def _place(tree: ast.Module, path: _Path) -> str:
    """Return the names of the classes and functions on the way to PATH, joined by dots."""
    steps = (_at(tree, path[:length]) for length in range(1, len(path)))
    return ".".join(x.name for x in steps if isinstance(x, ast.FunctionDef | ast.ClassDef))


def _paths(node: ast.AST, path: _Path) -> Iterator[_Path]:
    """Yield the ways from the root to every node that may be changed."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "args"} and not isinstance(
            node, ast.Call
        ):
            continue
        children = value if isinstance(value, list) else [value]
        for number, child in enumerate(children):
            if number == 0 and name == "args" and _is_cast(node):
                continue
            if isinstance(child, ast.AST) and not _is_left_alone(child):
                here = (*path, (name, number if isinstance(value, list) else None))
                if isinstance(child, ast.expr | ast.stmt):
                    yield here
                yield from _paths(child, here)


def _is_cast(node: ast.AST) -> bool:
    """Return whether NODE is a call of ``cast``, whose first argument is a type."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"


def _is_left_alone(node: ast.AST) -> bool:
    """Return whether NODE, with all in it, is not for the program."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Raise() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__" | "message" | "remedy")]):
            return True
        case ast.AnnAssign(value=None):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912  # a case for each kind
    """Yield what may take the place of NODE."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in _COMPARISONS[type(operator)]:
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(operator)](), node.right)
        case ast.BoolOp(values=values):
            other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.BoolOp(other_op, values)
            if len(values) > 2:  # else one of them is left, as for any operand
                yield ast.BoolOp(node.op, values[1:])
            else:
                yield from values
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            yield ast.Constant(value)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield ast.Constant(f"{value}x")
        case ast.Constant(value=bytes(value)):
            yield ast.Constant(value + b"x")
        case ast.If(test=test) | ast.While(test=test) if not isinstance(
            test, ast.Compare | ast.BoolOp
        ):
            changed = copy.copy(node)
            changed.test = ast.UnaryOp(ast.Not(), test)
            yield changed
        case ast.IfExp(test=test):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), node.body, node.orelse)
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            yield ast.Pass()
        case ast.Assign() | ast.Expr() | ast.Delete():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _at(tree: ast.AST, path: _Path) -> ast.AST:
    """Return the node to which PATH leads."""
    for name, number in path:
        value = getattr(tree, name)
        tree = value if number is None else value[number]
    return tree


def _put(tree: ast.AST, path: _Path, node: ast.AST) -> None:
    """Put NODE where PATH leads."""
    *way, (name, number) = path
    parent = _at(tree, tuple(way))
    if number is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[number] = node
