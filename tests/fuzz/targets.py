"""All fuzz targets by name."""

from __future__ import annotations

from tests.fuzz import from_files, from_programs, from_repositories, from_servers

TARGETS = {
    target.name: target
    for module in (from_files, from_repositories, from_servers, from_programs)
    for target in module.TARGETS
}
