"""Tables: every encoding of a secret is masked."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from pipeline.model.masking import forms, masker

SECRET = "s3cr+t/with=signs?&more"
QUOTES = 'pass"word\\with\ttab'
ACCENTS = "gehëim-wörd"


def _basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("secret", "user", "text", "masked"),
    [
        (SECRET, "", f"denied: {SECRET}", "denied: ***"),
        (SECRET, "", f"denied: {SECRET.upper()}", "denied: ***"),
        (SECRET, "", f"{SECRET}{SECRET}", "******"),
        (SECRET, "", f"https://h/?token={quote(SECRET, safe='')}", "https://h/?token=***"),
        (SECRET, "", f"https://h/?token={quote(SECRET, safe='').lower()}", "https://h/?token=***"),
        (SECRET, "", f"token={_basic(SECRET).rstrip('=')}", "token=***"),
        (SECRET, "x", f"Basic {_basic('x:' + SECRET).rstrip('=')}", "Basic ***"),
        (
            SECRET,
            "",
            f"token={base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip('=')}",
            "token=***",
        ),
        ("a>>>b???c", "", "YT4+PmI/Pz9j and YT4-PmI_Pz9j", "*** and ***"),
        ("pw", "", "pw", "pw"),
        ("fm2_one, fm2_two", "", "fm2_two then fm2_one", "*** then ***"),
        ("fm2_one,fm2_two", "", "fm2_one,fm2_two", "***"),
        ("fm2_one,fm2_two", "x", f"Basic {_basic('x:fm2_two')}", "Basic ***"),
        ("one,ab", "", "ab one,ab", "ab ***"),
        ("word word", "", "word%20word", "***"),
        (QUOTES, "", json.dumps({"error": QUOTES}), '{"error": "***"}'),
        (ACCENTS, "", json.dumps({"error": ACCENTS}), '{"error": "***"}'),
        (ACCENTS, "", json.dumps({"error": ACCENTS}, ensure_ascii=False), '{"error": "***"}'),
        ("", "", "nothing", "nothing"),
        ("", "x", "x: and eDo", "x: and eDo"),
    ],
)
def test_a_secret_in_every_form(secret: str, user: str, text: str, masked: str) -> None:
    """Plain, in a URL, in base64 with and without a user, in a JSON string."""
    assert masker(forms(secret, user))(text) == masked


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (["secret"], "a secret", "a ***"),
        (["secret"], "a SeCrEt", "a ***"),
        (["secret", "secretive"], "secretive", "***"),
        (["secretive", "secret"], "secretive secret", "*** ***"),
        (["a.c?e"], "abcde a.c?e", "abcde ***"),
        (["abc"], "abc", "abc"),
        (["abcd"], "abcd", "***"),
        ([""], "anything", "anything"),
        ([], "anything", "anything"),
        (["two\nlines"], "two\nlines", "***"),
    ],
)
def test_order_and_literals_of_masking(secrets: list[str], text: str, masked: str) -> None:
    """Longer secrets are masked first, regex characters are literal, and short values are kept."""
    assert masker(secrets)(text) == masked
