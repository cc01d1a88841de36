"""The scheduler names files that exist, and no file as one with the engine and one without."""

from __future__ import annotations

from pathlib import Path

from tests.support.scheduler import LONGEST, WITH_ENGINE, WITHOUT_ENGINE, may_use_engine

ROOT = Path(__file__).parents[1]


def test_the_named_files_exist() -> None:
    """A file that was moved must be named anew."""
    assert [
        file for file in (*LONGEST, *WITH_ENGINE, *WITHOUT_ENGINE) if not (ROOT / file).is_file()
    ] == []


def test_each_file_is_named_for_a_reason() -> None:
    """The folder of a file without the engine has files with it, and the other way round."""
    assert all(may_use_engine(file) for file in WITH_ENGINE)
    assert not any(may_use_engine(file) for file in WITHOUT_ENGINE)
    assert all(may_use_engine(str(Path(file).with_name("test_x.py"))) for file in WITHOUT_ENGINE)
    assert not any(may_use_engine(str(Path(file).with_name("test_x.py"))) for file in WITH_ENGINE)
