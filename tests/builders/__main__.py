"""Run end-to-end tests on a builder of the driver `docker-container`: `python -m tests.builders`.

Its image, `moby/buildkit:buildx-stable-1`, has the BuildKit that `sandbox/go/buildkit/go.mod` pins.
Without arguments, it runs `TESTS`; arguments go to pytest instead.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.errors import SandboxError
from tests.builders.container import pinned_buildkit

E2E = (
    "build_all",
    "buildkit_features",
    "changed_files",
    "concurrent_runs",
    "interrupted",
    "named_build_contexts",
    "secrets",
)
ENGINE_PUSHES = "tests/e2e/test_push_retry.py::test_a_push_after_a_test_is_retried"
"""The others in that file are about an engine that pushes for BuildKit, without retries."""

FILES = ("tests/builders/driver.py", *(f"tests/e2e/test_{name}.py" for name in E2E), ENGINE_PUSHES)
TESTS = ("-n", "2", "--no-loadscope-reorder", *FILES)


def main(words: list[str]) -> int:
    """Make the image and the builder, print their versions, and run the tests on it."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="builders-") as folder,
            pinned_buildkit(Path(folder)) as about,
        ):
            print(about, flush=True)  # noqa: T201
            tests = [sys.executable, "-m", "pytest", *(words or TESTS)]
            return subprocess.run(tests, check=False).returncode
    except SandboxError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
