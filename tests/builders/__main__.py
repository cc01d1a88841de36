"""Run end-to-end tests on a builder of the driver `docker-container`: `python -m tests.builders`.

Its image, `moby/buildkit:buildx-stable-1`, has the BuildKit that `sandbox/go/buildkit/go.mod` pins.
Without arguments, it runs `FILES`; arguments go to pytest instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox import builder_image
from sandbox.errors import SandboxError
from sandbox.folders import folders
from tests.builders.container import MIRROR, NAME, builder, docker

E2E = (
    "build_all",
    "buildkit_features",
    "changed_files",
    "concurrent_runs",
    "interrupted",
    "named_build_contexts",
    "push_retry",
    "secrets",
)
FILES = ("tests/builders/driver.py", *(f"tests/e2e/test_{name}.py" for name in E2E))


def main(words: list[str]) -> int:
    """Make the image and the builder, print their versions, and run the tests on it."""
    try:
        mirror = builder_image.ensure(folders())
    except SandboxError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")
    with tempfile.TemporaryDirectory(prefix="builders-") as folder:
        os.environ |= {MIRROR: mirror, "BUILDX_CONFIG": f"{folder}/buildx"}
        with builder(NAME, Path(folder), "network=host"):
            print(docker("buildx", "version"), docker("buildx", "inspect", NAME), flush=True)  # noqa: T201
            os.environ["BUILDX_BUILDER"] = NAME
            try:
                tests = [sys.executable, "-m", "pytest", *(words or FILES)]
                return subprocess.run(tests, check=False).returncode
            finally:
                del os.environ["BUILDX_BUILDER"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
