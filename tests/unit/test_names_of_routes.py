"""Names of routes, and sentences of reports that stand in their place."""

import pytest

from jobs.scores.climbing.names import reads_like_a_sentence


@pytest.mark.parametrize(
    "name",
    [
        "We could see it from a distance,",
        "Can I safely reverse these moves?",
        "head and leg injuries and major bleeding...we need help now!",
        "anchor suddenly broke from the rock",
        "push my limits.",
    ],
)
def test_sentences_of_reports_are_no_names(name: str) -> None:
    assert reads_like_a_sentence(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "The Nose",
        "the nose",
        "Where's the Beef?",
        "Is It Real or Is It Memorex?",
        "Voie des amis de la montagne",
        "sun ribbon arete",
        "Chasm Meadows Cabin below the East Face",
        "The Pearly Gates,",
    ],
)
def test_names_are_names_however_they_are_written(name: str) -> None:
    assert not reads_like_a_sentence(name)
