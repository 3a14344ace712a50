"""Writes tests/golden/ with Python's prometheus_client, or compares with it.

    python ci/golden.py            writes the files
    python ci/golden.py --check    makes them again elsewhere, and compares

The programs are described in tests/golden/README.md.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "0.26.0"
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
SCHEMES = ["allow-utf-8", "underscores", "dots", "values"]

# The time that stands where a program needs one.
BEGIN = 1700000000.0


def counter(registry):
    from prometheus_client import Counter

    hits = Counter("hits", "Hits.", registry=registry)
    hits.inc()
    hits.inc(2.5)
    Counter("untouched", "Never counted.", registry=registry)
    sent = Counter(
        "sent_total", "Sent.", ["kind", "host"],
        namespace="app", subsystem="mail", unit="bytes", registry=registry,
    )
    sent.labels("text", "b").inc(512)
    sent.labels("text", "a").inc(1e21)
    sent.labels(host="c", kind="html").inc(0)


def gauge(registry):
    from prometheus_client import Gauge

    depth = Gauge("depth", "Jobs waiting.", registry=registry)
    depth.set(4)
    depth.inc(0.5)
    depth.dec(2)
    value = Gauge("value", "Special values.", ["of"], registry=registry)
    for name, number in [
        ("nan", float("nan")), ("inf", float("inf")), ("neg_inf", float("-inf")),
        ("zero", 0.0), ("neg_zero", -0.0), ("third", 1 / 3), ("million", 1e6),
        ("below_million", 999999.0), ("large", 1.7976931348623157e308),
        ("small", 5e-324), ("micro", 1e-6), ("two_to_53", 9007199254740992.0),
        ("negative", -1234567.5),
    ]:
        value.labels(name).set(number)
    Gauge("untouched", "Only its labels are known.", ["a"], registry=registry)


def summary(registry):
    from prometheus_client import Summary

    size = Summary("size", "Sizes.", unit="bytes", registry=registry)
    size.observe(10)
    size.observe(0.5)
    wait = Summary("wait_seconds", "Waits.", ["queue"], registry=registry)
    wait.labels("b").observe(1)
    wait.labels("a")


def histogram(registry):
    from prometheus_client import Histogram

    default = Histogram("took_seconds", "With the default buckets.", registry=registry)
    for value in [0.001, 0.005, 0.3, 20]:
        default.observe(value)
    sizes = Histogram(
        "size", "With two labels.", ["zone", "app"], unit="bytes",
        buckets=(1, 1024, 1048576), registry=registry,
    )
    sizes.labels("z", "a").observe(1024)
    sizes.labels("z", "a").observe(1024.5)
    sizes.labels("a", "z").observe(2e9)
    below = Histogram("offset", "Below zero.", buckets=(-1, 0, 1), registry=registry)
    below.observe(-0.5)
    below.observe(7)


def info(registry):
    from prometheus_client import Info

    build = Info("build", "What runs here.", registry=registry)
    build.info({"version": "1.4.0", "revision": "9f2c"})
    disk = Info("disk", "Disks.", ["device"], registry=registry)
    disk.labels("sdb").info({"vendor": "b"})
    disk.labels("sda").info({"vendor": "a"})


def enum(registry):
    from prometheus_client import Enum

    task = Enum("task", "A task.", states=["starting", "running", "stopped"], registry=registry)
    task.state("running")
    door = Enum("door", "Doors.", ["at"], states=["open", "closed"], registry=registry)
    door.labels("back").state("closed")
    door.labels("front")


def escaping(registry):
    from prometheus_client import Gauge

    odd = Gauge("odd", 'Back\\slash, "quotes" and\na line.', ["text"], registry=registry)
    for number, text in enumerate(
        ['"quoted"', "back\\slash", "new\nline", "\\n", "", " ", "ümläut", "日本", "🔥", "tab\t", "ends\\"]
    ):
        odd.labels(text).set(number)


def utf8(registry):
    from prometheus_client import Counter, Gauge, Histogram, Info

    requests = Counter("http.requests", "With a dot.", ["http.method", "plain"], registry=registry)
    requests.labels("GET", "x").inc(3)
    Gauge("größe", "With umlauts.", registry=registry).set(1)
    Gauge("two words", "With a space.", registry=registry).set(2)
    Gauge("under_score:colon", "As ever.", registry=registry).set(3)
    Gauge("9lives", "With a digit in front.", registry=registry).set(9)
    Gauge('say "hi"', "With quotes.", ["a\\b"], registry=registry).labels("x").set(4)
    Histogram("rpc.took", "In parts.", buckets=(1,), registry=registry).observe(0.5)
    Info("日本", "Beyond Latin.", registry=registry).info({"città": "Roma"})


def families(registry):
    from prometheus_client.core import (
        CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily,
        HistogramMetricFamily, InfoMetricFamily, StateSetMetricFamily,
        SummaryMetricFamily, UnknownMetricFamily,
    )
    from prometheus_client.samples import Exemplar

    class Collector:
        def collect(self):
            jobs = CounterMetricFamily("jobs", "Jobs done.", labels=["queue"])
            jobs.add_metric(["mail"], 3, created=BEGIN, timestamp=1700000060.5,
                            exemplar=Exemplar({"trace_id": "4bf92f35"}, 1.0, 1700000059.25))
            jobs.add_metric(["print"], 0)
            yield jobs
            heat = GaugeMetricFamily("heat", "In the room.", labels=["room"], unit="celsius")
            heat.add_metric(["a"], 21.5)
            heat.add_metric(["b"], -3, timestamp=1700000000)
            yield heat
            wait = SummaryMetricFamily("wait", "Waits.", labels=["queue"], unit="seconds")
            wait.add_metric(["mail"], count_value=4, sum_value=10.5)
            yield wait
            took = HistogramMetricFamily("took", "Durations.", labels=["path"], unit="seconds")
            took.add_metric(
                ["/"],
                [("0.1", 2, Exemplar({"trace_id": "aa"}, 0.05)), ("1.0", 5), ("+Inf", 6)],
                sum_value=7.25,
            )
            yield took
            queue = GaugeHistogramMetricFamily("queue", "Sizes now.")
            queue.add_metric([], [("1.0", 1), ("+Inf", 3)], gsum_value=12)
            yield queue
            build = InfoMetricFamily("build", "What runs here.")
            build.add_metric([], {"version": "1.4.0"})
            yield build
            on = StateSetMetricFamily("feature", "What is on.", labels=["site"])
            on.add_metric(["de"], {"beta": True, "trace": False})
            yield on
            other = UnknownMetricFamily("other", "Of no known type.")
            other.add_metric([], 42)
            yield other
            yield GaugeMetricFamily("empty", "Without series.", labels=["a"])

    registry.register(Collector())


PROGRAMS = [counter, gauge, summary, histogram, info, enum, escaping, utf8, families]


def write_expositions(out):
    """Every program as <program>.txt and <program>.om.txt; utf8 in each scheme."""
    from prometheus_client import CollectorRegistry, disable_created_metrics
    from prometheus_client.exposition import generate_latest as text
    from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

    disable_created_metrics()
    folder = out / "exposition"
    folder.mkdir(parents=True)
    for program in PROGRAMS:
        registry = CollectorRegistry()
        program(registry)
        name = program.__name__
        schemes = SCHEMES if program is utf8 else ["underscores"]
        for scheme in schemes:
            stem = f"{name}.{scheme}" if program is utf8 else name
            (folder / f"{stem}.txt").write_bytes(text(registry, scheme))
            (folder / f"{stem}.om.txt").write_bytes(openmetrics(registry, scheme))


def pool_counters(worker, new):
    """Counters, histograms and summaries of two workers; the sums are merged."""
    counter = new("Counter", "jobs", "Jobs done.", ["queue"])
    took = new("Histogram", "took_seconds", "Durations.", buckets=(0.5, 2))
    size = new("Summary", "size", "Sizes.", unit="bytes")
    counter.labels("mail").inc(worker)
    if worker == 12:
        counter.labels("print").inc(0.25)
    took.observe(worker / 10)
    size.observe(worker)


def pool_gauges(worker, new):
    """A gauge in each mode; worker 11 dies at the end."""
    for number, mode in enumerate(
        ["all", "liveall", "max", "livemax", "min", "livemin", "sum", "livesum",
         "mostrecent", "livemostrecent"]
    ):
        gauge = new("Gauge", f"g_{mode}", f"Merged by {mode}.", ["x"], multiprocess_mode=mode)
        gauge.labels("é\"\\").set(worker * 10 + number)


def pool_growth(worker, new):
    """More series than the first page of a file holds."""
    counter = new("Counter", "many", "Series in plenty.", ["number", "padding"])
    for number in range(900):
        counter.labels(str(number), "p" * (number % 9)).inc(number)


POOLS = {
    # name: (program, workers, those that are dead at the end)
    "counters": (pool_counters, [11, 12], []),
    "gauges": (pool_gauges, [11, 12], [11]),
    "growth": (pool_growth, [11], []),
}


def run_worker(pool, worker):
    """One worker process: `new` makes a metric in the files of that identifier."""
    import time

    import prometheus_client
    from prometheus_client import values

    # Fixed identifiers and times instead of those of this process.
    values.ValueClass = values.MultiProcessValue(lambda: worker)
    time.time = lambda: BEGIN + worker

    def new(kind, *args, **kwargs):
        registry = prometheus_client.CollectorRegistry()
        return getattr(prometheus_client, kind)(*args, registry=registry, **kwargs)

    POOLS[pool][0](worker, new)


class Families:
    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families


def write_pools(out):
    """Every pool as a directory of .db files, and what they are merged to."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest as text
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

    for name, (_, workers, dead) in POOLS.items():
        folder = out / "multiprocess" / name
        files = folder / "db"
        files.mkdir(parents=True)
        environment = dict(os.environ, PROMETHEUS_MULTIPROC_DIR=str(files))
        for worker in workers:
            arguments = [sys.executable, __file__, "--worker", name, str(worker)]
            subprocess.run(arguments, env=environment, check=True)

        def merged(files):
            # By name: the collector itself would take them in the order of the file system.
            paths = sorted(str(path) for path in files.glob("*.db"))
            registry = CollectorRegistry()
            registry.register(Families(MultiProcessCollector.merge(paths)))
            return text(registry)

        (folder / "merged.txt").write_bytes(merged(files))
        if dead:
            # On a copy: the tree keeps the files of the dead, for others to bury.
            with tempfile.TemporaryDirectory() as copy:
                rest = Path(copy) / "db"
                shutil.copytree(files, rest)
                for worker in dead:
                    mark_process_dead(worker, str(rest))
                (folder / "merged_after_death.txt").write_bytes(merged(rest))


def write_all(out):
    write_expositions(out)
    write_pools(out)


def tree(folder):
    # What Google's library writes is checked by golden_protobuf.py.
    others = folder / "protobuf"
    paths = [path for path in folder.rglob("*") if path.is_file() and others not in path.parents]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != "README.md"}


def check():
    with tempfile.TemporaryDirectory() as made:
        write_all(Path(made))
        new, old = tree(Path(made)), tree(GOLDEN)
    wrong = sorted(path for path in new.keys() | old.keys() if new.get(path) != old.get(path))
    for path in wrong:
        before, after = (side.get(path, b"").decode("utf-8", "replace") for side in (old, new))
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, "made now", lineterm="")
        print("\n".join(list(lines)[:40]) if not path.endswith(".db") else f"{path} differs")
    print(f"{len(new) - len(wrong)} golden files are as prometheus_client {VERSION} writes them, {len(wrong)} are not")
    return 1 if wrong else 0


def main():
    from importlib.metadata import version

    if version("prometheus_client") != VERSION:
        sys.exit(f"this needs prometheus_client {VERSION}")
    if sys.argv[1:2] == ["--worker"]:
        run_worker(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:] == ["--check"]:
        sys.exit(check())
    elif not sys.argv[1:]:
        for part in ["exposition", "multiprocess"]:
            shutil.rmtree(GOLDEN / part, ignore_errors=True)
        write_all(GOLDEN)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
