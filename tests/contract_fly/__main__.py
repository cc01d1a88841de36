"""Run the tests of Fly with a flyctl: `FLYCTL=/path python -m tests.contract_fly`.

Without FLYCTL it is our own program, `tests/support/fly/flyctl`. All talk to a fake Fly on this
machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fly.flyctl.real import VARIABLE, real_flyctl

ROOT = Path(__file__).parents[2]
APPS = "30"


def main(words: list[str]) -> int:
    """Check the beliefs, run the end-to-end tests, then 30 apps; `words` go to pytest."""
    program = real_flyctl()
    if program and not (Path(program).is_absolute() and os.access(program, os.X_OK)):
        sys.stderr.write(f"{VARIABLE} must be the absolute path of a flyctl, not {program!r}\n")
        return 2
    sys.stdout.write(f"flyctl: {_version(program)}\n")
    sys.stdout.flush()
    tests = [
        "tests/fake_fly/test_beliefs.py",
        *sorted(map(str, ROOT.glob("tests/e2e/test_fly_*.py"))),
    ]
    for command in (["pytest", *(words or tests)], ["tests.thousand", APPS]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


def _version(program: str) -> str:
    if not program:
        return "our own program"
    home = {**os.environ, "FLY_NO_UPDATE_CHECK": "1", "FLY_SEND_METRICS": "0"}
    done = subprocess.run(
        [program, "version"], capture_output=True, text=True, env=home, check=False
    )
    return done.stdout.strip() or done.stderr.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
