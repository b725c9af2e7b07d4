"""What the table says of many runs."""

import csv
import io
import json

from router.bench import report
from router.bench.cell import Measurement
from router.bench.scenario import Scenario

CLEAN = dict.fromkeys(
    ("lost", "damaged", "reordered", "duplicated", "worst_reader_faults", "silent", "ended", "dropped_by_load"), 0
)


def result(target: str, cpu_us: float, *, shares: dict[str, float] | None = None, **counts: int) -> Measurement:
    return Measurement(
        scenario=Scenario(),
        target=target,
        repeat=0,
        seed=1,
        seconds=3.0,
        delivered_per_s=1000.0,
        cpu_us=cpu_us,
        load_cpu_us=1.0,
        shares=shares or {},
        waited=0.0,
        memory_per_reader=2048.0,
        counts={"delivered": 3000, **CLEAN, **counts},
        sent=3000,
        p50_ms=1.0,
        p99_ms=2.0,
        p999_ms=None,
        late_frames=0,
    )


def test_rows_are_medians_with_ratios_to_the_floor() -> None:
    results = [result("trunkline", cpu) for cpu in (9.0, 2.0, 3.0)] + [result("floor", cpu) for cpu in (1.0, 2.0, 4.0)]
    rows = report.rows_of(results)
    assert [row.target for row in rows] == ["trunkline", "floor"]
    assert (rows[0].cpu_us, rows[0].cpu_us_least, rows[0].cpu_us_most, rows[0].of_floor) == (3.0, 2.0, 9.0, 1.5)
    assert rows[1].of_floor == 1.0
    assert rows[0].kb_per_reader == 2.0
    assert rows[0].p999_ms is None


def test_faults_are_sums_and_make_a_run_unclean() -> None:
    runs = [
        result("trunkline", 1.0, lost=2),
        result("trunkline", 1.0, damaged=1, reordered=1),
        result("trunkline", 1.0),
    ]
    (row,) = report.rows_of(runs)
    assert (row.lost, row.wrong) == (2, 2)
    assert row.of_floor is None
    assert [each.clean for each in runs] == [False, False, True]


def test_the_busiest_worker_is_compared_with_the_mean() -> None:
    shares = {"front": 50.0, "worker 0": 10.0, "worker 1": 30.0}
    assert result("trunkline", 1.0, shares=shares).busiest == 1.5
    assert result("trunkline", 1.0, shares={"worker 0": 1.0}).busiest is None
    assert result("floor", 1.0, shares={"server": 1.0}).busiest is None


def test_json_and_csv_have_all_that_the_table_has() -> None:
    results = [result("trunkline", 2.0), result("floor", 1.0)]
    rows = report.rows_of(results)
    whole = json.loads(report.document(results, rows, ["x: trunkline: refused"]))
    assert [each["of_floor"] for each in whole["rows"]] == [2.0, 1.0]
    assert [each["clean"] for each in whole["runs"]] == [True, True]
    assert whole["failures"] == ["x: trunkline: refused"]
    table = list(csv.DictReader(io.StringIO(report.table_csv(rows))))
    assert [each["target"] for each in table] == ["trunkline", "floor"]
    assert table[0]["of_floor"] == "2.0"
