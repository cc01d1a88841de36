"""A project beside a clone, and the tools that install: what the README's commands expect."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.adopt.wheel import copy_sources

TOOLS = ("uv", "uvx", "pipx")
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


class FailedError(Exception):
    """A command failed; the message has its output."""


@dataclass(frozen=True)
class Workplace:
    """A folder with a project, a clone beside it, and an interpreter to install for."""

    folder: Path
    python: Path

    def run(self, command: str) -> None:
        """Run a command as a user does in a shell, with nothing installed before.

        If it installs, the programs must run: `fip`, and `invoke` where the command brings it.
        """
        place = self.folder / "installed"
        shutil.rmtree(place, ignore_errors=True)
        (place / "bin").mkdir(parents=True)
        if command.startswith(("pip ", "python3 ")):
            self._shell(f"{self.python} -m venv {place}/venv")
        if command.startswith("python3 "):
            self._shell("pip install --quiet build")
        if "build " in command:
            shutil.rmtree(self.project / "wheels", ignore_errors=True)
        said = self._shell(command)
        if command.startswith("uvx "):
            self._expect_plan(said)
        elif " install " in command:
            self._expect_plan(self._shell("fip plan", here=True))
            self._shell("fip --version", here=True)
        if "invoke" in command or command.startswith("pip "):
            tasks = self.project / "tasks.py"
            tasks.write_text("from pipeline.tasks import ns\n")
            self._expect_plan(self._shell("invoke plan", here=True))
            tasks.unlink()

    @property
    def project(self) -> Path:
        """The user's repository. It has no `tasks.py`."""
        return self.folder / "project"

    def _shell(self, command: str, *, here: bool = False) -> str:
        place = self.folder / "installed"
        path = f"{place}/venv/bin:{place}/bin:{self.folder}/tools:{SYSTEM}"
        program = shutil.which(command.split(maxsplit=1)[0], path=path) or ""
        if here and not program.startswith(str(place)):
            raise FailedError(f"`{command}`: not installed")
        environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"} | {
            "PATH": path,
            "UV_PYTHON": str(self.python),
            "UV_TOOL_DIR": f"{place}/uv",
            "UV_TOOL_BIN_DIR": f"{place}/bin",
            "PIPX_DEFAULT_PYTHON": str(self.python),
            "PIPX_HOME": f"{place}/pipx",
            "PIPX_BIN_DIR": f"{place}/bin",
        }
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.project,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FailedError(
                f"`{command}` exits with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def _expect_plan(self, said: str) -> None:
        if "web" not in said:
            raise FailedError(f"this is not the plan of the project:\n{said}")


def make_workplace(folder: Path, python: Path, registry: str) -> Workplace:
    """Make the clone, the project, and a folder with the tools alone."""
    copy_sources(folder / "fly-image-pipeline")
    image = folder / "project/images/web"
    image.mkdir(parents=True)
    (image / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    (folder / "project/pipeline.toml").write_text(f'[registry]\nhost = "{registry}"\n')
    (folder / "tools").mkdir()
    for tool in TOOLS:
        (folder / "tools" / tool).symlink_to(Path(sys.executable).parent / tool)
    return Workplace(folder, python)
