"""An area as somebody describes it, and what is wrong with it, by field."""

from collections.abc import Callable, Mapping, Sequence

from jobs import areas
from jobs.areas import Area
from jobs.boundaries.area import is_slug
from jobs.boundaries.drawing import Border, Drawing, united
from jobs.boundaries.errors import AreaError, BorderRefused
from jobs.errors import SafegridError
from jobs.settings import Box

_SLUG = "must be lower-case words joined by hyphens, such as stoke-on-trent"
_ONE = "must be either a box or a border"


class AreaRefused(SafegridError):
    """An area cannot be held so: {field: what is wrong}."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def area(
    slug: str, name: str, forces: Sequence[str], box: Box | None, drawings: Callable[[], Sequence[Drawing]] | None
) -> tuple[Area, tuple[str, ...]]:
    """The area, and what was mended of its border. drawings: read the border. Raises AreaRefused."""
    problems = {}
    if not is_slug(slug):
        problems["slug"] = f"{_SLUG} (given: {slug:.60})"
    if wrong := [force for force in forces if not is_slug(force)]:
        problems["forces"] = f"{_SLUG.replace('stoke-on-trent', 'avon-and-somerset')} (given: {wrong[0]:.60})"
    if (box is None) == (drawings is None):
        problems["box"] = _ONE
    if problems:
        raise AreaRefused(problems)
    if box is not None:
        return _of_box(slug, name or slug, forces, box), ()
    border = _border(drawings or tuple)
    return areas.from_land(slug, name or slug, border.land, forces), border.notes


def _of_box(slug: str, name: str, forces: Sequence[str], box: Box) -> Area:
    try:
        return areas.from_box(slug, name, box, forces)
    except AreaError as error:
        raise AreaRefused({"box": str(error)}) from None


def _border(drawings: Callable[[], Sequence[Drawing]]) -> Border:
    try:
        return united(drawings())
    except BorderRefused as error:
        raise AreaRefused({"border": str(error)}) from None
