"""A user's project on a fake Fly; its images have one file, so that builds are fast."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.fly import FakeFly, fake_fly
from tests.support.project import Project, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

FLY_TOML = """\
app = "{app}"
[env]
COLOUR = "{colour}"
[deploy]
wait_timeout = "2s"
[http_service]
internal_port = 8080
[[http_service.checks]]
path = "/healthz"
interval = "1s"
"""


@dataclass(frozen=True, slots=True)
class FlyProject:
    """A project and the fake Fly that it deploys to."""

    project: Project
    fly: FakeFly

    def invoke(self, *words: str, **environ: str) -> Ran:
        """Run `invoke WORDS` with the fake Fly's environment."""
        return self.project.invoke(*words, environ={**self.fly.environ, **environ})

    def start(self, *words: str, **environ: str) -> Popen[str]:
        """Start `invoke WORDS` with the fake Fly's environment, and do not wait."""
        return self.project.start(*words, environ={**self.fly.environ, **environ})

    def app(self, image: str, answer: str = "1", colour: str = "blue", toml: str = "") -> None:
        """Add an app image with one file, deployed to `acme-IMAGE`."""
        self.project.image(image, "FROM scratch\nCOPY answer /answer\n", answer=answer)
        text = FLY_TOML.format(app=f"acme-{image}", colour=colour)
        self.project.write(f"images/{image}/fly.toml", text + toml)

    def app_for_many(self, image: str, apps: list[str], more: str = "") -> None:
        """Add an image that is deployed to many apps."""
        self.app(image)
        listed = ", ".join(f'"{app}"' for app in apps)
        self.project.write(f"images/{image}/image.toml", f"[deploy]\napps = [{listed}]\n{more}")

    def write_settings(self, text: str) -> None:
        """Write `pipeline.toml`: its registry and organization, then `text`."""
        host = f'[registry]\nhost = "{self.fly.registry}"\nrepository = "acme-{{name}}"\n'
        self.project.write("pipeline.toml", f'{host}[fly]\norg = "acme"\n{text}')

    def digests(self, app: str) -> set[str]:
        """Return the digests that the machines of an app run."""
        return {machine.digest for machine in self.fly.apps[app].alive}

    def deploys(self) -> int:
        """Count the runs of `fly deploy`."""
        return sum(one.method == "deploy" for one in self.fly.requests_to("flyctl"))


@contextmanager
def open_fly_project(tmp_path: Path, *apps: str) -> Iterator[FlyProject]:
    """Start a fake Fly with these apps, and make a project with an image for each."""
    root = tmp_path / "project"
    root.mkdir()
    with fake_fly(tmp_path / "fly") as fly:
        fly_project = FlyProject(Project(root, tmp_path / "fly" / "registry" / "registry.log"), fly)
        fly_project.project.write("tasks.py", "from pipeline.tasks import ns\n")
        fly_project.write_settings("")
        for app in apps:
            fly.create_app(f"acme-{app}")
            fly_project.app(app)
        yield fly_project
