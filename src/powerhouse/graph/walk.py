"""Walking a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .symbol import Symbol


def postorder(roots: Iterable[Symbol], children: Callable[[Symbol], Iterable[Symbol]]) -> list[Symbol]:
    """Every symbol reachable from `roots`, each after its children. Iterative: graphs may be deep."""
    order: list[Symbol] = []
    seen: set[Symbol] = set()
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(children(root)))]
        while stack:
            node, rest = stack[-1]
            for child in rest:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, iter(children(child))))
                    break
            else:
                stack.pop()
                order.append(node)
    return order
