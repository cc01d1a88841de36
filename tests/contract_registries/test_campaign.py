"""The campaign itself: its files, and how it counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.contract_registries.__main__ import SUBJECTS, outcomes, table

HERE = Path(__file__).parents[1]
REPORT = """\
<testsuites><testsuite>
<testcase classname="tests.e2e.test_promote" name="a"/>
<testcase classname="tests.e2e.test_promote" name="b"><failure/></testcase>
<testcase classname="tests.contract_registries.races" name="c"><error/></testcase>
<testcase classname="tests.contract_registries.test_login" name="d"><skipped/></testcase>
</testsuite></testsuites>
"""


def test_every_file_exists() -> None:
    """A file that was renamed would be missing in a run of an hour."""
    files = [file for group in SUBJECTS.values() for file in group]

    assert [file for file in files if not (HERE / file).is_file()] == []
    assert len(set(files)) == len(files)


def test_a_report_is_counted_by_subject(tmp_path: Path) -> None:
    """Failures and errors are failures; what is skipped does not count as passed."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)

    found = outcomes(report)

    assert found["promote"] == Counter(passed=1, failed=1)
    assert found["races, interrupted copies"] == Counter(failed=1)
    assert found["login"] == Counter(skipped=1)
    assert found["build-all"] == Counter()
    assert "| promote | 1 of 2 |" in list(table({"here": found}))
    assert "| login | 0 of 0, 1 do not apply |" in list(table({"here": found}))
