"""The metadata file of buildx; the file here is of buildx 0.29.1, shortened."""

from __future__ import annotations

from pathlib import Path

from pipeline.buildkit.metadata import read_metadata
from pipeline.buildkit.outcome import Metadata
from pipeline.reference import ImageName

FILE = Path(__file__).parent / "written" / "metadata-0.29.json"
WEB, API = ImageName("web"), ImageName("api")


def test_digest_and_materials() -> None:
    """Both are read; an image without an entry has empty metadata."""
    notes = read_metadata(FILE, [WEB, API])

    assert str(notes[WEB].digest).startswith("sha256:d1858771")
    assert notes[WEB].sources == (
        "pkg:docker/debian@bookworm-slim?platform=linux%2Famd64",
        "git://127.0.0.1:18766/repo.git#master",
        "http://127.0.0.1:18765/f.txt",
    )
    assert notes[API] == Metadata()


def test_several_platforms_and_the_later_form(tmp_path: Path) -> None:
    """SLSA 1 uses other keys; each platform has its own provenance."""
    file = tmp_path / "metadata.json"
    file.write_text(
        '{"web": {"buildx.build.provenance/linux/amd64": {"materials": [{"uri": "pkg:docker/a"}]},'
        '"buildx.build.provenance/linux/arm64":'
        '{"buildDefinition": {"resolvedDependencies": [{"uri": "pkg:docker/b"}]}}}}'
    )

    assert read_metadata(file, [WEB])[WEB].sources == ("pkg:docker/a", "pkg:docker/b")


def test_no_file(tmp_path: Path) -> None:
    """A failed solve writes no file, or a part of one."""
    (tmp_path / "half.json").write_text('{"web": {')

    assert read_metadata(tmp_path / "none.json", [WEB]) == {WEB: Metadata()}
    assert read_metadata(tmp_path / "half.json", [WEB]) == {WEB: Metadata()}
