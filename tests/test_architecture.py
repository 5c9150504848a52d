"""What the code looks like as a whole: one-way imports, one home for each heavy library, nothing undocumented."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "marketsim"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(
    path for folder in ("tests", "plugins") for path in (ROOT / folder).rglob("*.py") if path.name.startswith("test_")
)
LAYERS = ("core", "tools", "testing", "siblings", "builtin", "games", "app", "analysis", "report", "cli")
"""From the bottom; a module imports its own layer's package or lower layers. ``testing`` is a tool of tests."""
TOOLS = {"llm", "optimise"}
"""What several siblings use, and what knows none of them."""
SIBLINGS = {
    *("agents", "devices", "extension", "fairness", "grid", "market", "metrics", "profiles", "results", "scenario"),
    *("learning", "envs", "sharing", "importers", "experts"),
}
HOMES = {
    "mesa": ["agents/*"],
    "pandapower": ["grid/*", "analysis/bench/*"],
    "power_grid_model": ["grid/*", "analysis/bench/*"],
    "simbench": ["grid/*", "profiles/extract_simbench.py"],
    "pydantic": ["scenario/*", "*params.py", "extension/*", "experts/model.py"],
    "pluggy": ["extension/*"],
    "click": ["cli/*"],
    "rich": ["cli/*"],
    "pyarrow": ["results/*", "profiles/file.py", "profiles/parquet_file.py", "importers/feather.py"],
    "pandas": ["results/*", "grid/*", "app/match.py", "analysis/*", "profiles/extract_simbench.py"],
    "numba": ["core/compiled.py", "*kernel*.py"],
    "llvmlite": ["core/compiled.py"],
    "yaml": ["scenario/*", "analysis/bench/*"],
    "scipy": [
        "grid/*",
        "metrics/*",
        "agents/strategies/*",
        "market/*",
        "profiles/*",
        "analysis/*",
        "core/compiled.py",
        "optimise/*",
        "sharing/*",
        "experts/*",
    ],
    "jinja2": ["report/*"],
    "markupsafe": ["report/*"],
    "plotly": [],
    "matplotlib": ["results/*", "analysis/*"],
    "networkx": ["grid/net/*"],
    "torch": ["learning/*"],
    "pettingzoo": ["envs/*", "testing/env_kit.py"],
    "gymnasium": ["envs/*", "testing/env_kit.py"],
    "ollama": ["llm/*"],
    "httpx": ["llm/*"],
    "clarabel": ["optimise/quadratic.py"],
    "ray": ["analysis/execution/*"],
    "SALib": ["analysis/studies/*"],
    "cvxpy": ["experts/sandbox/solving.py", "experts/retrieval.py"],
    "hypothesis": ["testing/*"],
    "pytest": [],
}
"""Where each library that is heavy, or decides an architecture, may be imported."""
MOST_LINES, MANY_LINES = 80, 60


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


@cache
def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from runtime_nodes(child)


@cache
def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports when it runs, anywhere in it."""
    names: set[str] = set()
    for node in runtime_nodes(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(part: str) -> int:
    return LAYERS.index("siblings" if part in SIBLINGS else "tools" if part in TOOLS else part)


def package_of(path: Path) -> str:
    return Path(name_of(path)).parts[0].removesuffix(".py")


def test_imports_go_one_way():
    """cli, analysis -> app -> games -> builtin -> siblings -> tools -> core; siblings do not know each other."""
    wrong = []
    for path in SOURCES:
        own = package_of(path)
        if own in ("__init__", "__main__"):
            continue
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "marketsim" or len(parts) < 2 or parts[1] == own:
                continue
            tool_of_tests = own == "testing" and parts[1] in SIBLINGS  # builds small worlds of real parts
            if layer(parts[1]) >= layer(own) and not tool_of_tests:
                wrong.append(f"{name_of(path)} imports {name}")
    assert wrong == []


def imports_of(room: str) -> dict[str, set[str]]:
    """Modules of a room with the modules of the room that they import, wherever in them."""
    paths = {f"marketsim.{name_of(path).removesuffix('.py').replace('/', '.')}": path for path in SOURCES}
    inside = {name: path for name, path in paths.items() if name.startswith(f"marketsim.{room}.")}
    found = {}
    for name, path in inside.items():
        used = {part for each in imported(path) for part in (each, each.rpartition(".")[0])}
        found[name] = (used & set(inside)) - {name}
    return found


def circles(imports: dict[str, set[str]]) -> set[str]:
    """What is left when modules that import none of those left are taken away again and again: circles and who uses them."""
    left = dict(imports)
    while free := {name for name, used in left.items() if not used & set(left)}:
        left = {name: used for name, used in left.items() if name not in free}
    return set(left)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set(), "e": {"d"}}) == {"a", "b", "c"}
    assert "marketsim.learning.ppo.networks" in imports_of("learning")["marketsim.learning.ppo.checkpoint"]


@pytest.mark.parametrize("room", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_no_module_imports_itself_by_way_of_others(room):
    """Not even inside a function."""
    assert circles(imports_of(room)) == set()


def test_the_rooms_of_the_grid_go_one_way():
    """Nets know no power flow, power flow knows no gate."""
    floors = [f"marketsim.grid.{room}." for room in ("net", "reactive", "flow", "gates")]
    rooms = [name for name in imports_of("grid") if name.rpartition(".")[0] != "marketsim.grid"]
    floor_of = {
        name: [name.startswith(floor) for floor in floors].index(True)
        for name in rooms
        if not name.endswith("__init__")
    }
    wrong = [
        f"{name} imports {other}"
        for name, used in imports_of("grid").items()
        for other in used
        if name in floor_of and floor_of[other] > floor_of[name]
    ]
    assert wrong == []


def test_every_package_has_its_layer():
    """A new package has to say where it stands."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= SIBLINGS | TOOLS | set(LAYERS)


def test_only_tests_use_the_tools_of_tests():
    users = [name_of(path) for path in SOURCES if any(name.startswith("marketsim.testing") for name in imported(path))]
    assert [name for name in users if not name.startswith("testing/")] == []


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_has_one_home(library):
    """It is imported nowhere else, not even inside a function."""
    users = [name_of(path) for path in SOURCES if any(name.split(".")[0] == library for name in imported(path))]
    homes = HOMES[library]
    assert [user for user in users if not any(fnmatch.fnmatch(user, home) for home in homes)] == []


def test_packages_load_nothing_by_themselves():
    """Every ``__init__.py`` but the package's own is a docstring; the package's own imports nothing heavy."""
    for path in PACKAGE.rglob("__init__.py"):
        body = tree(path).body
        assert ast.get_docstring(tree(path)), name_of(path)
        assert len(body) == 1 or path.parent == PACKAGE, name_of(path)


def public_definitions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Public functions, classes and their public methods, with dotted names; what implements a dunder is not counted."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if child.name.startswith("_"):
                continue
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")

    yield from walk(tree(path), f"{name_of(path)}: ")


def public_types(path: Path) -> Iterator[str]:
    """Public classes of a module, and what it assigns to a name in capital and small letters: its type aliases."""
    for node in tree(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        names |= {node.name} if isinstance(node, ast.ClassDef) else set()
        yield from (name for name in names if name[0].isupper() and any(map(str.islower, name)))


def test_the_name_of_a_type_means_one_thing():
    """No public class or type alias has the name of another module's."""
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for name in public_types(path):
            homes.setdefault(name, []).append(name_of(path))
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_every_public_name_is_documented():
    """Modules, classes, functions and methods; the methods of shipped contract kits document themselves by name."""
    bare = [name_of(path) for path in SOURCES if not ast.get_docstring(tree(path))]
    for path in SOURCES:
        bare += [
            name
            for name, node in public_definitions(path)
            if not ast.get_docstring(node) and ".test_" not in name  # type: ignore[arg-type]
        ]
    assert bare == []


def test_only_the_command_line_prints():
    """Library code raises and returns."""
    printing = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and not name_of(path).startswith("cli/")
        and name_of(path) != "profiles/extract_simbench.py"  # a script of the repository, run by hand
    ]
    assert printing == []


def test_what_is_said_goes_through_one_place():
    """Commands print by ``say``, which lets nothing in a stranger's names act on the terminal."""
    own = {"cli/saying.py", "cli/main.py"}  # main comes before everything, and escapes by itself
    direct = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and node.attr in {"echo", "secho"}
        and name_of(path) not in own
        and "nl=False" not in path.read_text("utf-8").splitlines()[node.lineno - 1]  # a line that is written over
    ]
    assert direct == []


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function with its length in lines, decorators and docstring left out."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or 0) - body[0].lineno + 1


def test_functions_are_short():
    """The median is at most 8 lines, 2 % at most are over 60, and none is over 80."""
    lengths = dict(pair for path in SOURCES for pair in functions(path))
    ordered = sorted(lengths.values())
    over = {name: lines for name, lines in lengths.items() if lines > MANY_LINES}
    assert ordered[len(ordered) // 2] <= 8
    assert len(over) <= 0.02 * len(lengths), over
    assert {name: lines for name, lines in over.items() if lines > MOST_LINES} == {}


def test_modules_are_small():
    """Code without its docstrings and blank lines: no module over 450 lines."""
    sizes = {
        name_of(path): sum(bool(line.strip()) for line in path.read_text("utf-8").splitlines()) for path in SOURCES
    }
    assert {name: lines for name, lines in sizes.items() if lines > 450} == {}


def is_silent(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in handler.body)  # fmt: skip


def test_no_error_is_swallowed():
    """No bare ``except``, no ``except ...: pass``."""
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or is_silent(node))
    ]
    assert wrong == []


def test_nothing_is_left_to_be_done():
    """No note of unfinished work, no commented-out code, in sources and in tests."""
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error()")
    found = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in (*SOURCES, *TESTS)
        for mark in marks
        if mark in path.read_text("utf-8")
    ]
    assert found == []


def test_results_do_not_depend_on_the_compiler_s_mood():
    """No ``fastmath``, and no random generator of the whole process."""
    theirs = "grid/net/pandapower_nets.py"  # holds still what some of pandapower's own nets draw
    for path in SOURCES:
        for node in nodes(path):
            assert not (isinstance(node, ast.keyword) and node.arg == "fastmath"), name_of(path)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                own = node.attr in {"Generator", "PCG64", "Philox", "SeedSequence", "default_rng"}
                is_random = node.value.attr == "random" and getattr(node.value.value, "id", "") in {"np", "numpy"}
                assert own or not is_random or name_of(path) == theirs, (
                    f"{name_of(path)}:{node.lineno}: np.random.{node.attr}"
                )
        assert "random" not in imported(path) or name_of(path) == theirs, name_of(path)


def test_every_test_states_its_law():
    """Every test states its law: its docstring is the claim, or its name alone is a sentence."""
    bare = []
    for path in TESTS:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                words = node.name.removeprefix("test_").split("_")
                if not ast.get_docstring(node) and len(words) < 3:
                    bare.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert bare == []


def test_names_of_test_files_are_unique():
    """They are imported without packages."""
    names = [path.name for path in TESTS if path.name != "test_plugin.py"]
    assert sorted(set(names)) == sorted(names)
