"""Costs of edges: a file in, a file out, and a router that goes around what is costly."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import shapely
from sqlalchemy import Connection, make_url

from jobs.context import Context
from jobs.edges import tables
from jobs.edges.run import score_edges
from jobs.edges.tables import EdgesRefused
from jobs.errors import ParameterError, PermanentError
from jobs.grid.paths.query import PathQuery
from jobs.grid.reading import Grid
from tests.conftest import needs
from tests.gridded import build, hold, scattered
from tests.integration.warm import job_context
from tests.processes import run_command
from tests.servers import debian_postgres
from worker.settings import Settings

PGROUTING = Path("/usr/share/postgresql/15/extension/pgrouting.control")
# A net of streets over Southampton, as a city has them; the sea is where nothing is held.
WEST, SOUTH, STEP = -1.46, 50.88, 0.006
SIDE = 8
SEA = shapely.LineString([(-8.0, 48.0), (-8.0, 48.01)])


def net() -> dict[str, tuple[int, int, shapely.LineString]]:
    """Edges by id, with the numbers of their two ends."""
    at = [(WEST + STEP * column, SOUTH + STEP / 1.6 * row) for row in range(SIDE) for column in range(SIDE)]
    ends = [
        (one, other)
        for one in range(SIDE**2)
        for other in (one + 1, one + SIDE)
        if other < SIDE**2 and (other == one + SIDE or other % SIDE)
    ]
    return {f"{one}-{other}": (one, other, shapely.LineString([at[one], at[other]])) for one, other in ends}


@pytest.fixture
def here(settings: Settings, connection: Connection, tmp_path: Path) -> Iterator[Context]:
    hold(connection, "2024-01", scattered("2024-01", 3000))
    build(connection)
    (tmp_path / "import").mkdir()
    with job_context(settings.model_copy(update={"import_folder": tmp_path / "import"}), connection) as here:
        yield here


def give(here: Context, name: str, lines: dict[str, Any]) -> None:
    """A file of edges in the import folder."""
    path = here.settings.import_folder / name
    if name.endswith(".parquet"):
        import pyarrow as pa
        from pyarrow import parquet

        columns = {
            "edge_id": list(lines),
            "kind": ["street"] * len(lines),
            "geometry": shapely.to_wkb([*lines.values()]),
        }
        parquet.write_table(pa.table(columns), path)
        return
    opened: Any = gzip.open if name.endswith(".gz") else open
    with opened(path, "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["edge_id", "kind", "geometry"])
        rows.writerows((one, "street, paved", getattr(line, "wkt", line)) for one, line in lines.items())


def taken(here: Context, name: str) -> dict[str, dict[str, Any]]:
    """The costs by the id of each edge."""
    path = here.settings.import_folder / name
    if name.endswith(".parquet"):
        from pyarrow import parquet

        rows = parquet.read_table(path).to_pylist()
        return {row["edge_id"]: row for row in rows}
    opened: Any = gzip.open if name.endswith(".gz") else open
    with opened(path, "rt", newline="") as file:
        read = list(csv.DictReader(file))
    known = {"true": True, "false": False, "": None}
    return {row["edge_id"]: {name: known.get(one, one) for name, one in row.items()} for row in read}


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_each_edge_has_what_its_way_has(here: Context, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH", 30)
    lines = {one: line for one, (_, _, line) in net().items()} | {"sea": SEA}
    give(here, f"net.{kind}", lines)
    result = score_edges(edges=f"net.{kind}", aversion_m=70)
    costs = taken(here, result["output"])
    assert (result["output"], result["edges"], result["uncovered"]) == (f"net-costs.{kind}", len(lines), 1)
    assert list(costs) == list(lines)
    ways = [shapely.geometry.mapping(line) for line in lines.values()]
    grid = Grid(here.settings, here.connection.engine)
    told = [way for low in range(0, len(ways), 100) for way in scored(grid, ways[low : low + 100])]
    for cost, way in zip(costs.values(), told, strict=True):
        for name in ("length_m", "crimes", "weighted", "weighted_per_km_month", "covered"):
            assert float(cost[name]) == pytest.approx(way[name], abs=2e-6)
        assert cost["few_data"] is way["few_data"]
        known = pytest.approx(way["length_m"] + 70 * way["weighted"], abs=1e-4)
        assert cost["cost"] is None if way["covered"] == 0 else float(cost["cost"]) == known
    assert result["length_m"] == pytest.approx(sum(way["length_m"] for way in told), abs=0.01)
    # Nothing but the two files is left.
    assert len(list(here.settings.import_folder.iterdir())) == 2


def scored(grid: Grid, ways: list[Any]) -> list[Any]:
    found: list[Any] = json.loads(grid.paths(PathQuery(paths=ways, buffer_m=25)))["paths"]
    return found


def test_edges_of_many_cells_are_scored_in_parts(here: Context) -> None:
    long = {str(row): shapely.LineString([(-1.9, 50.6 + row / 40), (-0.9, 50.6 + row / 40)]) for row in range(12)}
    give(here, "long.csv", long)
    assert score_edges(edges="long.csv", buffer_m=200)["edges"] == 12
    give(here, "one.csv", {"1": long["0"]})
    for name in ("length_m", "weighted", "covered", "cost"):
        score_edges(edges="one.csv", buffer_m=200)
        assert taken(here, "one-costs.csv")["1"][name] == taken(here, "long-costs.csv")["0"][name]


def test_the_command_writes_what_the_job_writes(here: Context, tmp_path: Path) -> None:
    give(here, "net.csv", {one: line for one, (_, _, line) in net().items()})
    score_edges(edges="net.csv")
    file = tmp_path / "net.csv"
    file.write_bytes((here.settings.import_folder / "net.csv").read_bytes())
    told = run_command(here.settings, "score-edges", str(file))
    assert (told.returncode, told.stderr) == (0, "")
    assert "112 edges" in told.stdout
    assert (tmp_path / "net-costs.csv").read_bytes() == (here.settings.import_folder / "net-costs.csv").read_bytes()
    refused = run_command(here.settings, "score-edges", str(file), "--from", "2024-13")
    assert refused.returncode == 2
    assert refused.stderr.startswith("safegrid: from: must be a month, YYYY-MM (given: 2024-13)")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({}, "has no edges"),
        ({"a": "LINESTRING (-1.4 50.9"}, "not valid WKT"),
        ({"a": ""}, "not valid WKT"),
        ({"a": "POINT (-1.4 50.9)"}, "edge 1: the geometry must be a LineString (given: Point)"),
        ({"a": "LINESTRING EMPTY"}, "edge 1: the geometry must be a LineString"),
        ({"a": net()["0-1"][2], "b": "LINESTRING (50.9 -1.4, 420000 112000)"}, "edge 2: positions must be in degrees"),
        ({"a": "LINESTRING (-1.4 50.9, -1.3 nan)"}, "edge 1: positions must be in degrees"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(here: Context, lines: dict[str, Any], said: str) -> None:
    give(here, "edges.csv", lines)
    (here.settings.import_folder / "edges-costs.csv").write_text("those of before")
    with pytest.raises(EdgesRefused) as caught:
        score_edges(edges="edges.csv")
    assert said in str(caught.value)
    assert (here.settings.import_folder / "edges-costs.csv").read_text() == "those of before"
    assert not list(here.settings.import_folder.glob(".*"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("edges.csv", b"id,geom\n1,2\n", "no column edge_id and no geometry. Its columns: id, geom"),
        ("edges.csv", b"", "Its columns: none"),
        ("edges.csv", b"edge_id,geometry\n\xff\xfe,x\n", "cannot be read"),
        ("edges.csv.gz", b"edge_id,geometry\n", "cannot be read"),
        ("edges.parquet", b"edge_id,geometry\n", "cannot be read"),
        ("gone.csv", None, "There is no gone.csv"),
    ],
)
def test_what_is_no_table_of_edges_is_refused(here: Context, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (here.settings.import_folder / name).write_bytes(content)
    with pytest.raises(EdgesRefused) as caught:
        score_edges(edges=name)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["/etc/passwd.csv", "../secrets.csv", "edges.txt", "", "a\0.csv"])
def test_names_lead_nowhere_else(here: Context, name: str) -> None:
    for values in ({"edges": name}, {"edges": "edges.csv", "output": name}):
        with pytest.raises(ParameterError):
            score_edges(**values)


def test_links_lead_nowhere_else(here: Context, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("edge_id,geometry\n")
    (here.settings.import_folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(EdgesRefused, match=r"There is no link\.csv"):
        score_edges(edges="link.csv")
    give(here, "edges.csv", {"a": net()["0-1"][2]})
    with pytest.raises(EdgesRefused, match="cannot be written"):
        score_edges(edges="edges.csv", output="edges.csv")


def test_a_scheme_that_there_is_not_is_named(here: Context) -> None:
    give(here, "edges.csv", {"a": net()["0-1"][2]})
    with pytest.raises(PermanentError, match=r"scheme: must be one of .* \(given: worst\)"):
        score_edges(edges="edges.csv", scheme="worst")


def test_pgrouting_goes_around_what_is_costly(here: Context) -> None:
    """The file is loaded as docs/edges.md has it."""
    needs("the package postgresql-15-pgrouting", PGROUTING.exists())
    edges = net()
    give(here, "net.csv", {one: line for one, (_, _, line) in edges.items()})
    score_edges(edges="net.csv", aversion_m=1000)
    costs = taken(here, "net-costs.csv")
    with debian_postgres() as server:
        url = make_url(server.url())
        with psycopg2.connect(dbname=url.database, user=url.username, **url.query) as router, router.cursor() as cursor:
            cursor.execute("CREATE EXTENSION postgis; CREATE EXTENSION pgrouting")
            cursor.execute("CREATE TABLE edges (id bigserial, edge_id text, source bigint, target bigint)")
            values = [(one, *ends[:2]) for one, ends in edges.items()]
            cursor.executemany("INSERT INTO edges (edge_id, source, target) VALUES (%s, %s, %s)", values)
            _load(cursor, here.settings.import_folder / "net-costs.csv")
            short, safe = (_route(cursor, column) for column in ("length_m", "cost"))
    assert short != safe
    for column, best, other in (("length_m", short, safe), ("cost", safe, short)):
        ours, theirs = (sum(float(costs[one][column]) for one in way) for way in (best, other))
        assert ours <= theirs
    along = [sum(float(costs[one]["weighted"]) for one in way) for way in (safe, short)]
    assert along[0] < along[1]


def _load(cursor: Any, file: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/edges.md").read_text()
    create = page.split("```sql\n")[1].split("```")[0].split("\\copy")[0]
    cursor.execute(create)
    with file.open() as rows:
        cursor.copy_expert("COPY edge_costs FROM STDIN WITH (FORMAT csv, HEADER)", rows)


def _route(cursor: Any, column: str) -> list[str]:
    page = (Path(__file__).parents[2] / "docs/edges.md").read_text()
    query = page.split("```sql\n")[2].split("```")[0]
    assert "coalesce(cost, " in query
    if column == "length_m":
        query = query.replace("coalesce(cost, 10 * length_m)", "length_m")
    cursor.execute(query.replace("100, 200", f"0, {SIDE**2 - 1}"))
    return [row[0] for row in cursor.fetchall()]
