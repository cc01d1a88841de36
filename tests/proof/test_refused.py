"""We refuse what BuildKit refuses, with its line, and accept what it builds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

REFUSED = (
    ("", 0),
    ("# nothing\n", 0),
    ("COPY a.txt /\n", 1),
    ("FROM\n", 1),
    ("FROM scratch AS\n", 1),
    ("FROM scratch a b\n", 1),
    ("FROM scratch AS 1x\nCOPY a.txt /\n", 1),
    ("FROM ${UNSET}\n", 1),
    ("FROM scratch\nFRMO x\n", 2),
    ("FROM scratch\nCOPY a.txt\n", 2),
    ("FROM scratch\nCOPY none.txt /\n", 2),
    ("FROM scratch\nCOPY --form=x a.txt /\n", 2),
    ("FROM scratch\nCOPY --from=1 /x /\n", 2),
    ("FROM scratch\nCOPY https://example.com/x /\n", 2),
    ("FROM scratch\nCOPY <<E /x\nnever ended\n", 2),
    ("FROM scratch\nCOPY ${a!b} /\n", 2),
    ("FROM scratch\nCOPY ${V:?must be set} /\n", 2),
    ('FROM scratch\nCOPY ["a.txt"]\n', 2),
    ("FROM scratch\nENV\n", 2),
    ("FROM scratch\nENV A\n", 2),
    ("FROM scratch\nLABEL a\n", 2),
    ("FROM scratch\nARG\n", 2),
    ("FROM scratch\nEXPOSE\n", 2),
    ("FROM scratch\nWORKDIR\n", 2),
    ("FROM scratch\nUSER\n", 2),
    ("FROM scratch\nVOLUME\n", 2),
    ("FROM scratch\nSTOPSIGNAL\n", 2),
    ("FROM scratch\nMAINTAINER\n", 2),
    ("FROM scratch\nSHELL /bin/sh\n", 2),
    ("FROM scratch\nHEALTHCHECK SOMETHING\n", 2),
    ("FROM scratch\nHEALTHCHECK --interval=x CMD true\n", 2),
    ("FROM scratch\nHEALTHCHECK --interval=1us CMD true\n", 2),
    ("FROM scratch\nEXPOSE abc\n", 2),
    ("FROM scratch\nSTOPSIGNAL nope\n", 2),
    ("FROM --platform=amd46 scratch\n", 1),
    ("FROM scratch\nADD --checksum=bad https://127.0.0.1:1/x /\n", 2),
    ("FROM scratch\nRUN --mount=type=cache true\n", 2),
    ("FROM scratch\nRUN --device=x true\n", 2),
    ("FROM scratch\nONBUILD FROM x\n", 2),
    ("FROM scratch\nONBUILD ONBUILD COPY a.txt /\n", 2),
    ("FROM debian:bookworm-slim\nRUN --mount=type=nonsense true\n", 2),
    ("FROM debian:bookworm-slim\nRUN --mount=type=bind,source=x true\n", 2),
    ("FROM debian:bookworm-slim\nRUN --network=nonsense true\n", 2),
    ("# escape=x\nFROM scratch\n", 1),
    ("FROM scratch AS a\nFROM b AS a\nCOPY --from=a / /\n", 2),
    ("FROM scratch AS a\nCOPY --from=a /x /\n", 1),
)

ACCEPTED = (
    "FROM scratch\nCOPY a.txt /",
    "FROM scratch\r\nCOPY a.txt /\r\n",
    "\n\n# c\n\nFROM scratch\nCOPY a.txt /\n",
    "FROM scratch\nCOPY \\\na.txt \\\n\n/\n",
    'FROM scratch\nCOPY ["a.txt", "/"]\n',
    "FROM scratch\nCOPY [ab].txt /d/\n",
    "FROM scratch\nLABEL a=b c='d e' \"f\"=g\nCOPY a.txt /\n",
    "FROM scratch\nENV A b c\nCOPY a.txt /\n",
    "FROM scratch\nMAINTAINER me\nCOPY a.txt /\n",
    'FROM scratch\nCOPY ["a.txt", "/x/"] # remark\n',
    "FROM scratch\nCMD [not json\nCOPY a.txt /\n",
    "FROM scratch AS a.b-c_d\nCOPY a.txt /\nFROM a.b-c_d\n",
    "FROM scratch\nARG A=$B\nCOPY ${A:-a.txt} /\n",
    "FROM scratch\nCOPY <<${X:-EOF} /x\nhello\n${X:-EOF}\nCOPY a.txt /\n",
    "FROM scratch AS x\nCOPY --from=y a /\nFROM x AS y\nFROM scratch\nCOPY a.txt /\n",
    "FROM scratch\nCOPY a.txt b.txt /d/\nWORKDIR d\nSTOPSIGNAL 9\nUSER 1:2\nVOLUME /v\n",
)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Make the folder of an image with two files."""
    folder = tmp_path / "images/app"
    folder.mkdir(parents=True)
    (tmp_path / "pipeline.toml").write_text("")
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    return folder


def buildkit_accepts(context: Path) -> bool:
    """Return whether the real BuildKit builds it."""
    build = ["docker", "buildx", "build", "-q", "--provenance=false", "--output=type=cacheonly"]
    return not subprocess.run([*build, str(context)], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("text", "line"), REFUSED)
def test_what_buildkit_refuses(context: Path, text: str, line: int) -> None:
    """Both refuse it, and our error has the line."""
    (context / "Dockerfile").write_text(text)

    with pytest.raises(ConfigError) as caught:
        fingerprint(load(context.parents[1]))

    places = {problem.location for problem in caught.value.problems}
    assert not buildkit_accepts(context)
    assert all(place and place.file == "images/app/Dockerfile" for place in places)
    assert not line or line in {place.line for place in places if place}


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_buildkit_builds(context: Path, text: str) -> None:
    """Both accept it."""
    (context / "Dockerfile").write_bytes(text.encode())

    assert fingerprint(load(context.parents[1]))
    assert buildkit_accepts(context)
