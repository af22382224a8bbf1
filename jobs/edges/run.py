"""The job that scores the edges of a network."""

from dataclasses import asdict
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationError

from jobs import context, results
from jobs.catalogue import job
from jobs.edges import costs
from jobs.edges.tables import EdgesRefused
from jobs.errors import PermanentError
from jobs.grid.query import CellQuery, QueryRefused
from jobs.grid.reading import Grid
from jobs.import_folder import is_name, leads_out
from jobs.parameters import Between, Month
from jobs.problems import problems_of

KINDS: Final = (".csv.gz", ".csv", ".parquet")
BUFFER_M: Final = 25
AVERSION_M: Final = 50


def _file(name: str) -> str:
    if not is_name(name):
        raise ValueError("must be the name of a file in SAFEGRID_IMPORT_FOLDER")
    if not name.endswith(KINDS):
        raise ValueError(f"must end in {' or '.join(KINDS)}")
    return name


File = Annotated[str, AfterValidator(_file), Field(max_length=500)]


@job(
    queue="maintenance",
    slug="score-edges",
    soft_limit_s=5 * 60 * 60,
    hard_limit_s=5 * 60 * 60 + 300,
    result=results.EdgesScored,
)
def score_edges(
    edges: Annotated[File, Field(description="File in the import folder with the columns edge_id and geometry")],
    output: Annotated[
        File | None,
        Field(description="File for the costs in that folder. Default: the name of `edges` with -costs added"),
    ] = None,
    buffer_m: Annotated[int, Between(1, 500, "Metres to each side of an edge whose crimes count")] = BUFFER_M,
    aversion_m: Annotated[
        int, Between(0, 1_000_000, "Metres of detour worth taking to avoid one weighted crime a month")
    ] = AVERSION_M,
    oldest: Annotated[Month | None, Field(description="Oldest month. Default: eleven months before `newest`")] = None,
    newest: Annotated[Month | None, Field(description="Newest month. Default: the newest ingested")] = None,
    scheme: Annotated[str | None, Field(description="Weight scheme. Default: the default scheme")] = None,
) -> dict[str, Any]:
    """Compute a cost for each edge of a file, for routing engines: length, crimes, coverage and cost."""
    here = context.current()
    folder = here.settings.import_folder
    source, target = folder / edges, folder / (output or costs_name(edges))
    if not source.is_file() or leads_out(source, folder):
        raise EdgesRefused(f"There is no {edges} in {folder.absolute()}, the import folder of this worker")
    if source == target or leads_out(target.parent, folder):
        raise EdgesRefused(f"{output} cannot be written: name another file of {folder.absolute()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    tally = costs.Tally()
    try:
        query = CellQuery.model_validate({"from": oldest, "to": newest, "scheme": scheme})
        grid = Grid(here.settings, here.connection.engine)
        for tally in costs.score(grid, source, target, query, buffer_m, aversion_m):
            here.progress(tally.edges, tally.edges, "edges are scored")
    except ValidationError as error:
        raise PermanentError(str(QueryRefused(problems_of(CellQuery, error)))) from None
    except QueryRefused as error:
        raise PermanentError(str(error)) from None
    said = asdict(tally)
    return {"task": "score_edges", "output": target.name, **said, "length_m": round(said["length_m"], 3)}


def costs_name(edges: str) -> str:
    """The name of the file of costs beside one of edges."""
    kind = next(kind for kind in KINDS if edges.endswith(kind))
    return f"{edges.removesuffix(kind)}-costs{kind}"
