"""Flight code is separable, imports only what it may, and names and sizes keep the house style."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "perilune"
ALLOWED_IN_FLIGHT = {"perilune.foundation", "perilune.interface", "perilune.flight", "jax", "equinox", "jaxtyping", "abc"}
# path or path:function → why it may be longer.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_PARAMETERS = {
    "control/allocation.py:allocate": "force, torque, two switches and two debts are what allocation is",
    "command_line/app.py:fly": "one parameter an option of the command",
    "command_line/app.py:site": "one parameter an option of the command",
    "command_line/app.py:sweep": "one parameter an option of the command",
    "command_line/campaign_commands.py:campaign": "one parameter an option of the command",
    "command_line/campaign_entry.py:fly_campaign": "one parameter an option of the command, most by name alone",
}
WORDS_NOT_IN_FLIGHT = re.compile(r"truth|true_|_true|simulat", re.IGNORECASE)


def sources(folder: Path = PACKAGE):
    return sorted(folder.rglob("*.py"))


def imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_flight_imports_only_words_contract_and_jax():
    for path in sources(PACKAGE / "flight"):
        for name in imported(ast.parse(path.read_text())):
            assert any(name == a or name.startswith(a + ".") for a in ALLOWED_IN_FLIGHT), f"{path}: {name}"


def test_the_example_of_own_flight_software_imports_words_and_contract_alone():
    example = PACKAGE.parent / "examples" / "own_flight_software.py"
    allowed = {"perilune.foundation", "perilune.interface", "jax", "equinox"}
    for name in imported(ast.parse(example.read_text())):
        assert any(name == a or name.startswith(a + ".") for a in allowed), name


def test_flight_has_no_word_for_truth_or_simulation():
    for path in sources(PACKAGE / "flight"):
        tree = ast.parse(path.read_text())
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        names |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg | ast.keyword) and n.arg}
        names |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        assert not [name for name in names if WORDS_NOT_IN_FLIGHT.search(name)], path


def test_flight_software_steps_alone_in_an_empty_folder(tmp_path):
    for room in ("foundation", "interface", "flight"):
        shutil.copytree(PACKAGE / room, tmp_path / "perilune" / room)
    (tmp_path / "perilune" / "__init__.py").write_text("")
    shutil.copy(Path(__file__).parent / "fly_alone.py", tmp_path)
    done = subprocess.run([sys.executable, "fly_alone.py"], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "stepped"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sizes(path):
    text = path.read_text()
    name = str(path.relative_to(PACKAGE))
    assert text.count("\n") <= 400 or name in LONG_MODULES, f"{name} has {text.count(chr(10))} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            key = f"{'/'.join(path.parts[-2:])}:{node.name}"
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60 or key in LONG_FUNCTIONS or f"{name}:{node.name}" in LONG_FUNCTIONS, f"{key}: {length}"
            count = (
                len(node.args.args) + len(node.args.kwonlyargs) - (node.args.args[:1] != [] and node.args.args[0].arg == "self")
            )
            assert count <= 8 or key in MANY_PARAMETERS, f"{key}: {count} parameters"
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 250, node.name


def letters(name: str) -> str:
    """Frame letters at the end of a name: attitude_IB → IB, position_I → I, none → ''."""
    tail = name.rsplit("_", 1)[-1]
    return tail if "_" in name and re.fullmatch(r"[IMLBS]{1,2}", tail) else ""


def test_rotations_cancel():
    """rotate(x_AB, v_B) and compose(x_AB, y_BC) with plain names: inner letters must be the same."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("rotate", "compose")):
                continue
            names = [a.attr if isinstance(a, ast.Attribute) else a.id if isinstance(a, ast.Name) else "" for a in node.args]
            first, second = (letters(n) for n in (*names, "", "")[:2])
            if len(first) == 2 and second:
                assert first[1] == second[0], f"{path}:{node.lineno} {names}"


def test_public_attitudes_carry_two_letters():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if isinstance(node.annotation, ast.Name) and node.annotation.id == "Attitude":
                    assert len(letters(node.target.id)) == 2, f"{path}:{node.lineno} {node.target.id}"
                if isinstance(node.annotation, ast.Name) and node.annotation.id in ("Position", "Velocity"):
                    assert len(letters(node.target.id)) == 1, f"{path}:{node.lineno} {node.target.id}"


def test_no_bare_altitude_in_code():
    for path in sources():
        names = {n.arg for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.arg)}
        names |= {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        assert "altitude" not in names, path


def test_no_refused_module_names():
    assert not [p for p in sources() if p.stem in ("utils", "helpers", "misc", "manager")]
