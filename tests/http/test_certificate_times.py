"""A certificate that is not valid at our time: the clock may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry
from tests.support.scripted_server import Reply, scripted_server
from tests.support.secured_registry import create_certificate

if TYPE_CHECKING:
    from pathlib import Path


def test_an_expired_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its authority is trusted, so the hint is about the time, and shows ours."""
    certificate = create_certificate(tmp_path, until=datetime(2020, 1, 1, tzinfo=UTC))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.ca))
    told = pytest.raises(HttpError, match="not trusted: certificate has expired")
    served = scripted_server(lambda _: Reply(200), certificate)
    with served as server, Registry() as registry, told as caught:
        registry.head(parse_reference(f"{server.address}/acme/web:1"))

    assert caught.value.hint.startswith("is the clock of this machine right, which says 20")
