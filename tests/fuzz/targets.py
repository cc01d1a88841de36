"""All fuzz targets by name."""

from __future__ import annotations

from tests.fuzz import from_files, from_programs, from_servers

TARGETS = {
    target.name: target
    for target in (*from_files.TARGETS, *from_servers.TARGETS, *from_programs.TARGETS)
}
