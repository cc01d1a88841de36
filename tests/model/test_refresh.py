"""Periods of `refresh`: the same number for the same name and instant, on every machine."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.model.refresh import length, refresh
from pipeline.reference import ImageName

WEEK = 7 * 24 * 3600


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1h", 3600), ("36h", 129_600), ("1d", 86_400), ("7d", WEEK), ("1w", WEEK), ("9999w", None)],
)
def test_a_length_is_hours_days_or_weeks(written: str, seconds: int | None) -> None:
    """With at most four digits."""
    assert length(written) == (9999 * WEEK if seconds is None else seconds)


@pytest.mark.parametrize("written", ["", "never"])
def test_without_a_length_there_is_no_period(written: str) -> None:
    """`never` overrides a default."""
    assert refresh(written, ImageName("web"), 0) is None


@pytest.mark.parametrize("written", ["0d", "07d", "7", "d", "7m", "-7d", "1.5d", "7 d", "10000h"])
def test_what_is_no_length_is_refused(written: str) -> None:
    """Minutes too: an image would be built in every run."""
    with pytest.raises(ValueError, match="is not a number with"):
        length(written)


def test_the_period_follows_from_name_and_instant() -> None:
    """Computed here from the specification alone: floor((now - offset) / length)."""
    name, instant = ImageName("python-base"), 1_795_000_000
    offset = int.from_bytes(hashlib.sha256(b"python-base").digest(), "big") % WEEK

    found = refresh("7d", name, instant)

    assert found is not None
    assert found.period == (instant - offset) // WEEK
    assert found.due == offset + (found.period + 1) * WEEK
    assert found.option == f"604800/{found.period}"


def test_a_period_lasts_as_long_as_it_says() -> None:
    """One second before the next one it is the same, and then it is one more."""
    name = ImageName("web")
    first = refresh("12h", name, 1_795_000_000)
    assert first is not None

    last, following = refresh("12h", name, first.due - 1), refresh("12h", name, first.due)

    assert last == first
    assert following is not None
    assert (following.period, following.due) == (first.period + 1, first.due + 12 * 3600)


def test_images_do_not_fall_due_together() -> None:
    """Of a hundred images, no hour of the week has more than a few."""
    found = [refresh("7d", ImageName(f"image-{n}"), 1_795_000_000) for n in range(100)]
    hours = [one.due // 3600 for one in found if one]

    assert max(hours.count(hour) for hour in hours) <= 5


def test_days_and_weeks_of_the_same_length_are_the_same() -> None:
    """Only the length in seconds is in the key."""
    days, weeks = (refresh(text, ImageName("web"), 1_795_000_000) for text in ("7d", "1w"))

    assert days is not None
    assert weeks is not None
    assert days.option == weeks.option


def test_the_next_period_is_shown_in_utc() -> None:
    """As ISO 8601 writes it."""
    found = refresh("7d", ImageName("os-base"), 1_800_000_000)

    assert found is not None
    assert found.due_text == "2027-01-19T14:28:59Z"
