"""Make `moby/buildkit:buildx-stable-1` where Docker Hub cannot be reached.

`docker buildx create --driver docker-container` starts its builders from this image. It has the
BuildKit that `go/buildkit/go.mod` pins.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from sandbox import control, machine, packages, process, upload
from sandbox.errors import SandboxError
from sandbox.folders import Folders, locked
from sandbox.go_programs import MODULES, GoProgram, build
from sandbox.packages import say

REPOSITORY = "moby/buildkit"
TAG = "buildx-stable-1"
FOLDER = MODULES / "buildkit"
VERSION = "github.com/moby/buildkit/version.Version"
PROGRAMS = tuple(
    GoProgram(FOLDER, f"github.com/moby/buildkit/cmd/{name}", VERSION)
    for name in ("buildctl", "buildkitd")
)


def ensure(at: Folders) -> str:
    """Put the image into the mirror of the sandbox, unless it is there; return the mirror.

    The mirror stands in for Docker Hub. Without one, Docker Hub answers and has the image: return
    nothing. The sandbox must run.

    Raises:
        SandboxError: it does not run, or a program cannot be built.

    """
    now = control.status(at)
    if not now.running:
        raise SandboxError("the sandbox is not running", hint="run `python3 -m sandbox up`")
    if not now.mirror:
        return ""
    with locked(at.root / "builder-image.lock"):
        manifests = f"http://{now.mirror}/v2/{REPOSITORY}/manifests"
        made = upload.digest_of(f"{manifests}/{key()}")
        if not made or upload.digest_of(f"{manifests}/{TAG}") != made:
            _make(at, now)
    return now.mirror


def key() -> str:
    """Return twelve hex digits that are derived from everything in the image."""
    parts = [*(program.key for program in PROGRAMS), (FOLDER / "Dockerfile").read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _make(at: Folders, now: control.Status) -> None:
    programs = [build(program, at) for program in PROGRAMS]
    tools = packages.located(at, machine.system())
    say(f"making {REPOSITORY}:{TAG} with BuildKit {PROGRAMS[-1].version}")
    environment = {
        **tools.environment(),
        "DOCKER_HOST": now.docker_host,
        "DOCKER_CONFIG": str(at.docker_config),
    }
    docker = str(tools.bin / "docker")
    names = ",".join(f"{now.mirror}/{REPOSITORY}:{tag}" for tag in (TAG, key()))
    output = f'type=image,"name={names}",push=true,oci-mediatypes=true'
    with tempfile.TemporaryDirectory(prefix="builder-image-") as folder:
        for source in (*programs, tools.bin / "runc", FOLDER / "Dockerfile"):
            shutil.copy(source, Path(folder, source.name))
        words = ["buildx", "build", "--provenance=false", "--output", output, folder]
        process.run([docker, *words], environment=environment)
