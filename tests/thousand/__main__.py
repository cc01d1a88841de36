"""Run the scenarios with a thousand apps and print times: `python -m tests.thousand [APPS]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.fly_project import open_fly_project
from tests.thousand.scenes import deploy_in_waves, fail_in_the_first_wave, kill_and_resume


def main() -> None:
    """Run them one after another with one fake Fly."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with (
        TemporaryDirectory(prefix="thousand-") as folder,
        open_fly_project(Path(folder)) as fly_project,
    ):
        for scene in (deploy_in_waves, kill_and_resume, fail_in_the_first_wave):
            started = time.monotonic()
            found = scene(fly_project, count)
            seconds = time.monotonic() - started
            said = ", ".join(f"{name} {value:.0f}" for name, value in found.items())
            write(f"{scene.__name__}: {count} apps, {said}; {seconds:.0f} s in all")
    write("all scenes ended as they should")


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
