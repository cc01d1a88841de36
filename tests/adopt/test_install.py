"""A sample of `make adopt`: the wheel and its program `fip`, without a package index.

The wheel is installed into an environment that has the dependencies of this one, and not its
editable install of the repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import pipeline
from tests.adopt.commands import install_commands
from tests.adopt.wheel import ROOT, build_wheel, copy_sources
from tests.support.project import Project, Ran

pytestmark = pytest.mark.sample

REFUSING = '[registry]\nhost = "127.0.0.1:1"\n'
"""Nothing listens there, and asking it takes no time."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_sources(folder / "sources"), folder / "dist")


@pytest.fixture(scope="module")
def fip(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with pip, and return its program."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # Only the folder: what its `.pth` files add, such as this repository, is not there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(folder / "bin/python")]
    options = ["--no-index", "--no-deps", "--no-compile", "--ignore-installed"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True)
    return folder / "bin/fip"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project without a `tasks.py`, and with a package `pipeline` of its own."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("pipeline.toml", REFUSING)
    made.write("pipeline/__init__.py", "print('theirs')\n")
    made.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web\n")
    return made


def run(fip: Path, folder: Path, *words: str) -> Ran:
    """Run `fip WORDS` in a folder, which comes first in PYTHONPATH."""
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [fip, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_the_wheel_has_all_files(wheel: Path) -> None:
    """All modules, both schemas and the types of both packages; no tests."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    packages = (ROOT / "pipeline", ROOT / "fly_image_pipeline")
    files = {file for package in packages for file in package.rglob("*") if file.is_file()}
    wanted = {str(file.relative_to(ROOT)) for file in files if file.suffix != ".pyc"}
    assert names == wanted


def test_the_page_has_each_way() -> None:
    """Each tool, from a clone and from a wheel, and one line without installing."""
    commands = install_commands()
    sources = {"../fly-image-pipeline": "clone", "wheels/*.whl": "wheel"}
    ways = {
        (command.split()[0], source)
        for command in commands
        for text, source in sources.items()
        if " install " in command and text in command
    }
    assert ways == {
        (tool, source) for tool in ("uv", "pipx", "pip") for source in ("clone", "wheel")
    }
    assert any(command.startswith("uvx ") for command in commands)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("graph", "--format", "json"), 0),
        (("plan", "--json"), 4),
        (("exists", "wed"), 2),
        (("plan", "--no-such-option"), 1),
        (("--dry", "lock"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_tasks_run_as_with_invoke(
    fip: Path, project: Project, words: tuple[str, ...], code: int
) -> None:
    """In a repository without a `tasks.py`: output and exit code are Invoke's, but its name."""
    ours = run(fip, project.root, *words)

    shutil.rmtree(project.root / "pipeline")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    theirs = project.invoke(*words)
    assert ours == Ran(theirs.code, *(said(text) for text in (theirs.out, theirs.err)))
    assert ours.code == code


def said(text: str) -> str:
    """Return what `fip` says in place of `invoke`: its hints name the program that runs."""
    return text.replace("`invoke ", "`fip ")


def test_the_project_is_found_from_a_folder_in_it(fip: Path, project: Project) -> None:
    """The nearest `pipeline.toml` above, as with Invoke."""
    ran = run(fip, project.root / "images/web", "graph")
    assert (ran.code, ran.out, ran.err) == (0, "web\n", "")


def test_version_and_list(fip: Path, tmp_path: Path) -> None:
    """Anywhere, without a project. No task at all shows the tasks by what they are for."""
    assert run(fip, tmp_path, "--version") == Ran(0, f"fip {pipeline.__version__}\n", "")
    listed = run(fip, tmp_path, "--list")
    assert (listed.code, listed.err) == (0, "")
    assert {"build-all", "plan", "deploy-all"} <= {
        line.split()[0] for line in listed.out.splitlines() if line.startswith("  ")
    }
    shown = run(fip, tmp_path)
    assert (shown.code, shown.err) == (0, "")
    assert "\nDeploy apps:\n  deploy-all " in shown.out
    assert run(fip, tmp_path, "--help", "plan").out.startswith("Usage: fip [--core-opts] plan ")


def test_the_reader_of_a_list_has_gone(fip: Path, tmp_path: Path) -> None:
    """Exit code 141 and not a word, as with a task."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [fip, "--help"], cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_python_may_write_bytecode(fip: Path, tmp_path: Path) -> None:
    """Uv installs none, and Invoke forbids it: then each run compiles all modules again."""
    code = "import sys; from fly_image_pipeline.__main__ import main\n"
    code += "try: main()\nfinally: print(sys.dont_write_bytecode)"
    python = fip.parent / "python"
    command = [str(python), "-c", code, "--version"]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
