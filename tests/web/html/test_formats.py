"""How pages write things."""

import datetime as dt

import pytest

from web.html import charts, formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, formats.NOTHING),
        (0.0421, "0.042 s"),
        (0.5, "0.5 s"),
        (9.9, "9.9 s"),
        (9.97, "10 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        (None, "on demand"),
        ("0 2 2 * *", "monthly on the 2nd, 02:00 UTC"),
        ("30 4 11 * *", "monthly on the 11th, 04:30 UTC"),
        ("0 4 * * 0", "Sundays, 04:00 UTC"),
        ("0 4 * * 7", "Sundays, 04:00 UTC"),
        ("30 5 * * *", "daily, 05:30 UTC"),
        ("0 */6 * * *", "every 6 hours"),
        ("*/5 1-3 * * *", "*/5 1-3 * * * UTC"),
    ],
)
def test_cadences_are_words_where_they_can_be(cron: str | None, text: str) -> None:
    assert formats.cadence(cron) == text


def test_times_are_utc() -> None:
    east = dt.datetime(2024, 5, 6, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert formats.time(east) == '<time datetime="2024-05-05T23:30:00+00:00">5 May 2024, 23:30:00 UTC</time>'


def test_code_is_the_only_markup_that_text_can_have() -> None:
    assert formats.code("Give `<b>` or <i>") == "Give <code>&lt;b&gt;</code> or &lt;i&gt;"


def test_titles_are_words() -> None:
    assert formats.title_of("validate_h3_grid_health") == "Validate H3 grid health"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (40, "40 s ago"),
        (-600, "in 10 min"),
        (7200, "2 h ago"),
        (-86400 * 3, "in 3 days"),
        (5400, "2 h ago"),
    ],
)
def test_how_long_ago_is_one_number(seconds: float, text: str) -> None:
    now = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    assert formats.ago(now - dt.timedelta(seconds=seconds), now) == text


def test_bars_say_what_they_show_and_lead_where_they_stand_for() -> None:
    bars = [charts.Bar(2, 'a "b" <c>', "failed", "/runs/x"), charts.Bar(0, "nothing")]
    drawn = charts.bars(bars, 'two & "more"')
    assert 'role="group" aria-label="two &amp; &#34;more&#34;"' in drawn
    assert '<a href="/runs/x" tabindex="-1"><rect class="failed" x="0" y="0.0"' in drawn
    assert "<title>a &#34;b&#34; &lt;c&gt;</title>" in drawn
    assert 'height="1.0"' in drawn
    assert charts.bars([], "") == charts.area([], "") == ""


def test_an_area_is_drawn_from_step_to_step() -> None:
    assert 'points="0.0,63.0 150.0,63.0 150.0,2.0 300.0,2.0"' in charts.area([0, 4], "x")
