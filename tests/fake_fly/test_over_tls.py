"""The fake Fly over TLS."""

from __future__ import annotations

import base64
import ssl
import urllib.request
from typing import TYPE_CHECKING

from tests.support.fly import fake_fly
from tests.support.fly.raw_requests import flyctl

if TYPE_CHECKING:
    from pathlib import Path


def test_the_api_and_the_registry_speak_tls(tmp_path: Path) -> None:
    """Trusted by SSL_CERT_FILE, also by its `fly`."""
    with fake_fly(tmp_path / "fly", tls=True) as fly:
        fly.create_app("web")
        reference = fly.push("web", "v1")
        trust = ssl.create_default_context(cafile=fly.environ["SSL_CERT_FILE"])
        token = fly.environ["FLY_API_TOKEN"]
        basic = base64.b64encode(f"x:{token.removeprefix('FlyV1 ')}".encode()).decode()
        asked = {
            f"{fly.api}/v1/apps/web": token,
            f"https://{fly.registry}/v2/": f"Basic {basic}",
        }
        for url, header in asked.items():
            request = urllib.request.Request(url, headers={"Authorization": header})  # noqa: S310
            with urllib.request.urlopen(request, context=trust, timeout=10) as answer:  # noqa: S310
                assert answer.status == 200
        (tmp_path / "fly.toml").write_text('app = "web"\n', encoding="utf-8")
        done = flyctl(fly, "deploy", "-i", reference, cwd=tmp_path)

        assert done.returncode == 0, done.stderr
