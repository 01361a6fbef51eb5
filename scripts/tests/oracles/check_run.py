#!/usr/bin/python3
"""Checks the files of a run folder with programs that others wrote.

usage: check_run.py {csv|hlog|gbench|stats|schema|svg} FOLDER [FILE]

Prints what differs; exit status 1 then, or when there was nothing to check.
"""
import csv
import glob
import json
import math
import os
import sys
import xml.etree.ElementTree

COLUMNS = ("run,cell,engine,workload,machine,threads,order,rep,metric,unit,"
           "better,value,flags").split(",")
checked = 0
failures = []


def check(ok, *what):
    global checked
    checked += 1
    if not ok:
        failures.append(" ".join(str(w) for w in what))


def close(a, b, relative=1e-9, absolute=0.0):
    return math.isclose(float(a), float(b), rel_tol=relative, abs_tol=absolute)


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return json.load(f)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def repetitions(folder):
    """Yields (cell, repetition, its folder) of every repetition that is ok."""
    for status in sorted(glob.glob(folder + "/cells/*/rep-*/status")):
        with open(status, encoding="utf-8") as f:
            if f.read().split()[0] != "ok":
                continue
        path = os.path.dirname(status)
        yield (os.path.basename(os.path.dirname(path)),
               int(os.path.basename(path)[4:]), path)


def csv_file(folder):
    """samples.csv holds every metric and floor of every result, as it is."""
    with open(folder + "/samples.csv", newline="", encoding="utf-8") as f:
        check(next(csv.reader(f)) == COLUMNS, "columns of samples.csv")
    rows = {}
    for r in rows_of(folder + "/samples.csv"):
        key = (r["cell"], r["engine"], int(r["rep"]), r["metric"])
        check(key not in rows, "twice in samples.csv:", key)
        rows[key] = r
    for cell, rep, path in repetitions(folder):
        result = load(path, "result.json")
        check(result["cell"] == cell and result["rep"] == rep, path)
        for m in result["metrics"]:
            row = rows.pop((cell, result["engine"], rep, m["name"]), None)
            if m["value"] is None:
                check(row is None or row["value"] == "", "a number for null:", row)
                continue
            check(row is not None, "not in samples.csv:", cell, rep, m["name"])
            if row:
                check(float(row["value"]) == m["value"], m["name"], row["value"], m["value"])
                check(row["unit"] == m["unit"] and row["better"] == m["better"], row)
                check(row["workload"] == result["workload"], row)
                check(int(row["threads"]) == result["threads"], row)
    left = [k for k in rows if not k[1].startswith("floor:")]
    check(not left, "rows of no result:", left[:3])
    check(any(k[1].startswith("floor:") for k in rows), "no floors in samples.csv")


def hlog(folder, table):
    """The Java reader's percentiles (table) are those of result.json."""
    results = {path: load(path, "result.json") for _, _, path in repetitions(folder)}
    seen = set()
    with open(table, encoding="utf-8") as f:
        for line in f:
            path, tag, count, highest, mean, *values = line.rstrip("\n").split("\t")
            path = os.path.dirname(path)
            metric = {m["name"]: m for m in results[path]["metrics"]}
            names = [f"lat_{tag}_{p}" for p in ("p50", "p90", "p99", "p99_9", "p99_99")]
            for name, value in zip(names, values):
                m = metric.get(name)
                if m is None or m["value"] is None:
                    continue
                seen.add((path, tag))
                # A histogram's resolution, and whole nanoseconds.
                check(close(value, m["value"], 1 / 512, 1.0), path, name, value, m["value"])
                check("n" not in m or int(count) == m["n"], path, name, count, m.get("n"))
            m = metric.get(f"lat_{tag}_max")
            if m and m["value"] is not None:
                check(close(highest, m["value"], 1 / 512, 1.0), path, tag, highest, m["value"])
            m = metric.get(f"lat_{tag}_mean")
            if m and m["value"] is not None:
                check(close(mean, m["value"], 1 / 512, 1.0), path, tag, mean, m["value"])
    check(seen, "no histogram with percentiles")


def gbench(folder, report):
    """compare.py's own report names each cell, with the right times."""
    benchmarks = load(folder, "gbench.json")["benchmarks"]
    with open(report, encoding="utf-8") as f:
        text = f.read()
    for b in benchmarks:
        check(b["name"] in text, "compare.py does not show", b["name"])
    for row in rows_of(folder + "/samples.csv"):
        if row["metric"] != "ns_per_op" or row["engine"].startswith("floor:"):
            continue
        mine = [b for b in benchmarks if b["run_name"] == row["cell"]
                and b["run_type"] == "iteration"
                and b["repetition_index"] == int(row["rep"])]
        check(len(mine) == 1, row["cell"], row["rep"], "in gbench.json", len(mine), "times")
        if mine:
            check(close(mine[0]["cpu_time"], row["value"]), row)
            check(close(mine[0]["real_time"] * int(row["threads"]), row["value"], 0.25),
                  "real_time is per operation of all threads", row, mine[0]["real_time"])


def stats(folder):
    """summary.csv is what numpy and scipy make of samples.csv."""
    import numpy
    from scipy.stats import binom, median_abs_deviation

    values = {}
    for r in rows_of(folder + "/samples.csv"):
        if not r["engine"].startswith("floor:") and r["value"]:
            values.setdefault((r["cell"], r["metric"]), []).append(float(r["value"]))
    for r in rows_of(folder + "/summary.csv"):
        v = numpy.sort(values.pop((r["cell"], r["metric"])))
        n = len(v)
        q1, median, q3 = numpy.percentile(v, [25, 50, 75])
        k = int(binom.ppf(0.025, n, 0.5))
        if k > 0 and 1 - 2 * binom.cdf(k - 1, n, 0.5) < 0.95:
            k -= 1
        low, high = (v[k - 1], v[n - k]) if k > 0 else (v[0], v[-1])
        level = 1 - 2 * binom.cdf(max(k, 1) - 1, n, 0.5)
        expected = {"n": n, "median": median, "q1": q1, "q3": q3, "min": v[0],
                    "max": v[-1], "mad": median_abs_deviation(v),
                    "ci_low": low, "ci_high": high, "ci_level": level}
        for name, value in expected.items():
            check(close(r[name], value, 1e-9, 1e-12), r["cell"], r["metric"], name, r[name], value)
    check(not values, "not in summary.csv:", list(values)[:3])


def schema(folder):
    """Each JSON file obeys the published schema, and the schema can refuse."""
    import jsonschema

    here = os.path.join(os.path.dirname(__file__), "../../../results")
    for path in sorted(glob.glob(here + "/*.schema.json")):
        s = load(path)
        validator = jsonschema.validators.validator_for(s)
        validator.check_schema(s)
        name = os.path.basename(path).replace(".schema.json", ".json")
        files = glob.glob(f"{folder}/{name}") + glob.glob(f"{folder}/cells/*/*/{name}")
        check(files, "no file for", path)
        for file in files:
            value = load(file)
            for e in validator(s).iter_errors(value):
                check(False, file, e.json_path, e.message[:200])
            check(True)
            for key in list(value):
                if key in s.get("required", []):
                    less = {k: v for k, v in value.items() if k != key}
                    check(not validator(s).is_valid(less), path, "does not require", key)
    check(checked, "no schema")


def svg(folder):
    """Charts are well-formed SVG that holds something."""
    for path in glob.glob(folder + "/plots/*.svg"):
        root = xml.etree.ElementTree.parse(path).getroot()
        check(root.tag.endswith("}svg"), path)
        check(len(list(root.iter())) > 20, path, "is empty")


def main():
    parts = {"csv": csv_file, "hlog": hlog, "gbench": gbench, "stats": stats,
             "schema": schema, "svg": svg}
    parts[sys.argv[1]](*sys.argv[2:])
    for f in failures[:20]:
        print(f"{sys.argv[1]}: {f}")
    print(f"{sys.argv[1]}: {checked} comparisons, {len(failures)} differ")
    sys.exit(1 if failures or not checked else 0)


main()
