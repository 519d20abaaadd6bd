"""The house as it should stand: imports go only downward, there are no cycles, and no layer knows an op that it should not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import powerhouse
from powerhouse.graph.op import REGISTRY

ROOT = Path(powerhouse.__file__).parent
HOUSE = (
    "core",
    "graph",
    "ops",
    "transform codegen runtime",
    "engine",
    "tensors",
    "accelerator amp autograd backends compiler cuda distributions fft linalg masked mps multiprocessing nn optim random "
    "return_types serialization signal special testing utils version xpu",
    "quantization",
    "cli recipes __main__",
    "torch",
    "__init__",
)
FLOORS = {name: floor for floor, names in enumerate(HOUSE) for name in names.split()}
# Recipes are copied and run by users, so they import the package as users do.
USERS = {"recipes", "cli", "__main__"}
# graph/ declares the few primitives that it speaks of itself; the memory plan and the gradient know these and no others.
KNOWN_BELOW = {"leaf", "number", "const", "item", "variable", "alias", "stop", "fence", "with_value", "overwritten", "cast", "expand"}


def modules():
    """Every module: `(dotted name, tree)`."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(("powerhouse", *(parts[:-1] if parts[-1] == "__init__" else parts)))
        yield name, path.name == "__init__.py", ast.parse(path.read_text())


def imports(name: str, is_package: bool, tree: ast.AST):
    """The modules of ours that a module imports: `(target, node)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = name.split(".")
                base = base[: len(base) - node.level + is_package]
                target = ".".join([*base, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield f"{target}.{alias.name}" if not node.module else target, node
            elif node.module and node.module.split(".")[0] == "powerhouse":
                yield node.module, node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "powerhouse":
                    yield alias.name, node


def floor_of(module: str) -> int:
    """The floor of a module, by its top folder."""
    parts = module.split(".")
    return FLOORS[parts[1]] if len(parts) > 1 and parts[1] in FLOORS else FLOORS["__init__"]


def only_for_types(tree: ast.AST) -> set[ast.AST]:
    """Imports below `if TYPE_CHECKING:`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            found |= set(ast.walk(node))
    return found


def test_every_top_module_has_a_floor():
    """A new package must say where it stands."""
    names = {p.stem for p in ROOT.iterdir() if (p.suffix == ".py" or (p.is_dir() and any(p.rglob("*.py")))) and p.stem != "__pycache__"}
    assert names <= set(FLOORS), names - set(FLOORS)


def test_imports_go_downward():
    """A module imports from its own floor (within its package, or a sibling) and from those below."""
    wrong = []
    for name, is_package, tree in modules():
        if name.split(".")[-1] == "powerhouse" or name.split(".")[1] in USERS:
            continue
        types = only_for_types(tree)
        for target, node in imports(name, is_package, tree):
            if node not in types and floor_of(target) > floor_of(name):
                wrong.append(f"{name} (floor {floor_of(name)}) imports {target} (floor {floor_of(target)}), line {node.lineno}")
    assert not wrong, "\n".join(wrong)


def test_no_function_local_imports_of_ours():
    """Imports stand at the top of a module, so that what it needs can be seen; they do not dodge a cycle."""
    wrong = []
    for name, is_package, tree in modules():
        if name.split(".")[-1] == "powerhouse" or name.split(".")[1] in USERS:
            continue
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                wrong += [f"{name}:{node.lineno}" for _, node in imports(name, is_package, function)]
    assert not wrong, wrong


def test_no_import_cycles():
    """The import graph of the modules has no cycle."""
    known = {name for name, _, _ in modules()}
    graph: dict[str, set[str]] = {}
    for name, is_package, tree in modules():
        types = only_for_types(tree)
        targets = {t if t in known else t.rpartition(".")[0] for t, node in imports(name, is_package, tree) if node not in types}
        graph[name] = {t for t in targets if t in known and t != name and not name.startswith(t + ".")}
    state: dict[str, int] = {}

    def visit(node: str, path: list[str]) -> None:
        state[node] = 1
        for target in sorted(graph[node]):
            assert state.get(target) != 1, " -> ".join([*path[path.index(target) :], target] if target in path else [*path, target])
            if target not in state:
                visit(target, [*path, target])
        state[node] = 2

    for name in sorted(graph):
        if name not in state and name != "powerhouse":
            visit(name, [name])


def test_no_op_leaks_into_the_layers_below_or_beside():
    """transform/, engine/ and runtime/ treat all ops alike: they name only the primitives of graph/ itself."""
    foreign = set(REGISTRY) - KNOWN_BELOW
    wrong = []
    for name, _, tree in modules():
        if len(name.split(".")) < 2 or name.split(".")[1] not in ("transform", "engine", "graph"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                for side in (node.left, *node.comparators):
                    if isinstance(side, ast.Constant) and side.value in foreign:
                        wrong.append(f"{name}:{node.lineno} speaks of the op {side.value!r}")
    assert not wrong, wrong


def test_import_is_light():
    """`import powerhouse` loads no optional part."""
    heavy = ("matplotlib", "PIL", "torch", "llvmlite", "rich", "safetensors", "scipy", "onnx", "multiprocessing.pool")
    code = f"import sys, powerhouse; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
