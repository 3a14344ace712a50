#!/usr/bin/env python3
"""Lets real pools of workers write shared files, and Python's client merge them.

    pools.py OUT EXAMPLE NARTHEX

OUT/rust is left by the worker pool of the examples (the program EXAMPLE), one
worker of which is killed; OUT/python by a gunicorn pool, likewise; OUT/both by
the two in one directory at once, with metrics of the same names, and by uWSGI
where it is installed, several workers of each being killed. Meanwhile Python's
client and the program NARTHEX merge that directory again and again, and no
counter of either may go backwards. Each has the files in `db`, Python's merge
of them in `python.txt` and `python.om.txt`, and in `answered` how many requests
were answered. `tests/it/pools.rs` compares.
"""

import atexit
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.request

from prometheus_client import CollectorRegistry, exposition, multiprocess, openmetrics
from prometheus_client.parser import text_string_to_metric_families

SECONDS = 3

APP = '''
import os
from prometheus_client import Counter, Gauge, Histogram, Summary

LABELS = ["path", "odd"]
REQUESTS = Counter("pool_requests", "Answered, with an \\u00e9, a \\\\ and a\\nbreak.", LABELS)
LATENCY = Histogram("pool_latency_seconds", "Of answers.", ["path"])
SIZE = Summary("pool_size_bytes", "Of answers.")
# What the workers of the example count, too.
SHARED = Counter("http_requests", "Requests answered.", ["method", "route", "code"])
DURATION = Histogram("http_request_duration_seconds", "How long answers take.", ["route"])
IN_PROGRESS = Gauge(
    "http_requests_in_progress", "Requests being answered.", multiprocess_mode="livesum"
)
MODES = ["all", "min", "max", "sum", "mostrecent"]
GAUGES = [
    Gauge("pool_" + mode, "In mode " + mode, ["l"], multiprocess_mode=mode)
    for kind in MODES for mode in (kind, "live" + kind)
]
ODD = ['a"b', "c\\\\d", "e\\nf", "g,h=i", "\\u20ac\\U0001f600", "", "{}"]

def app(environ, start_response):
    path = environ["PATH_INFO"]
    with IN_PROGRESS.track_inprogress(), DURATION.labels("/").time(), LATENCY.labels(path).time():
        for gauge in GAUGES:
            gauge.labels("x").set(os.getpid() % 1000 / 8)
    SIZE.observe(len(path))
    REQUESTS.labels(path, ODD[len(path) % len(ODD)]).inc()
    SHARED.labels("GET", "/", 200).inc()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
'''

CONFIG = '''
from prometheus_client import multiprocess

def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
'''


def load(address, paths, stop, answered):
    """Asks until told to stop; every request is a connection of its own."""
    host, port = address.split(":")
    while not stop.is_set():
        for path in paths:
            connection = http.client.HTTPConnection(host, int(port), timeout=30)
            try:
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    answered.append(path)
            except (OSError, http.client.HTTPException):
                pass  # a worker was killed while it answered
            finally:
                connection.close()


def under_load(pools, kill):
    """How many requests pools answered, which have so many paths each."""
    stop, answered = threading.Event(), []
    clients = [
        threading.Thread(target=load, args=(pool.address, paths, stop, answered))
        for pool, paths in pools
        for _ in range(3)
    ]
    for client in clients:
        client.start()
    time.sleep(SECONDS / 2)
    kill()
    time.sleep(SECONDS / 2)
    stop.set()
    for client in clients:
        client.join()
    return len(answered)


def merge(out, answered):
    files = sorted(str(file) for file in (out / "db").glob("*.db"))
    assert files, "the pool left no files"
    families = multiprocess.MultiProcessCollector.merge(files)

    class Merged:
        def collect(self):
            return families

    registry = CollectorRegistry()
    registry.register(Merged())
    (out / "python.txt").write_bytes(exposition.generate_latest(registry))
    (out / "python.om.txt").write_bytes(openmetrics.exposition.generate_latest(registry))
    (out / "answered").write_text(f"{answered}\n")
    print(f"{out.name}: {answered} answered, {len(files)} files")


class Pool:
    """Workers that answer requests, and are replaced when they are killed."""

    def __init__(self, process, lines, listening, started, workers=3):
        self.process, self.address, self.workers = process, None, []
        # Whatever fails, nothing is left to wait for.
        atexit.register(process.kill)
        while not self.address or len(self.workers) < workers:
            line = lines.readline()
            assert line, "the pool ended"
            found = re.search(listening, line)
            self.address = self.address or (found and found[1])
            self.workers += re.findall(started, line)
        self.drain = threading.Thread(target=self.follow, args=(lines, started), daemon=True)
        self.drain.start()

    def follow(self, lines, started):
        for line in lines:
            self.workers += re.findall(started, line)

    def kill_one(self):
        """Kills the worker that was started last."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self.workers[-1]), signal.SIGKILL)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.process.returncode
        self.drain.join()


def rust_pool(db, example):
    command = [example, "--workers", "3", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    process = subprocess.Popen([*command, "--dir", db], stdout=subprocess.PIPE, text=True)
    return Pool(process, process.stdout, r"answer on http://([^/]+)/", r"worker (\d+) started")


def python_pool(db, out, command, *patterns):
    for name, text in [("app.py", APP), ("config.py", CONFIG)]:
        # A pool beside this one may just be reading it.
        if not (out / name).exists():
            (out / name).write_text(text)
    db.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command, cwd=out, env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(db)},
        stderr=subprocess.PIPE, text=True,
    )
    return Pool(process, process.stderr, *patterns)


def gunicorn_pool(db, out):
    command = [sys.executable, "-m", "gunicorn", "-c", "config.py", "-w", "3", "-b", "127.0.0.1:0"]
    return python_pool(
        db, out, [*command, "app:app"],
        r"Listening at: http://(\S+)", r"Booting worker with pid: (\d+)",
    )


def uwsgi_pool(db, out):
    """None where uWSGI is not installed beside this Python."""
    program = pathlib.Path(sys.executable).parent / "uwsgi"
    if not program.exists():
        print("SKIPPED a pool of uWSGI: it is not installed")
        return None
    command = [program, "--master", "--die-on-term", "--lazy-apps", "--processes", "3",
               "--http-socket", "127.0.0.1:0", "--wsgi-file", "app.py", "--callable", "app"]
    return python_pool(
        db, out, command,
        r"bound to TCP address (\S+)", r"[Ss]pawned uWSGI worker \d+ \([^)]*pid: (\d+)",
    )


RUST_PATHS = ["/", "/primes/500", "/primes/9000"]
PYTHON_PATHS = ["/", "/a", "/a/longer/path"]


def alone(out, pool, paths):
    answered = under_load([(pool, paths)], pool.kill_one)
    pool.end()
    merge(out, answered)


def together(out, example, narthex):
    """Pools of all kinds in one directory, which is merged meanwhile."""
    db = out / "db"
    rust = rust_pool(db, example)  # it empties the directory
    pools = [(rust, RUST_PATHS), (gunicorn_pool(db, out), PYTHON_PATHS)]
    uwsgi = uwsgi_pool(db, out)
    if uwsgi:
        pools.append((uwsgi, PYTHON_PATHS))
    with served(narthex, db) as address:
        readers = [
            Reader("narthex", lambda: urllib.request.urlopen(f"{address}/metrics").read().decode()),
            Reader("Python", lambda: python_merge(db)),
        ]

        def kill():
            for _ in range(3):
                for pool, _ in pools:
                    pool.kill_one()
                time.sleep(SECONDS / 3)

        answered = under_load(pools, kill)
        for reader in readers:
            reader.end()
    for pool, _ in pools:
        pool.end()
    merge(out, answered)


class Reader(threading.Thread):
    """Merges again and again, and compares each counter with what it was."""

    def __init__(self, name, read):
        super().__init__(daemon=True)
        self.title, self.read, self.rounds, self.backwards = name, read, 0, []
        self.failed, self.stop, self.values = None, threading.Event(), {}
        self.start()

    def run(self):
        try:
            while not self.stop.is_set():
                self.look(self.read())
        except Exception as error:
            self.failed = error

    def look(self, text):
        for family in text_string_to_metric_families(text):
            if family.type in ("counter", "histogram", "summary"):
                for sample in family.samples:
                    key = (sample.name, tuple(sorted(sample.labels.items())))
                    before = self.values.get(key, 0.0)
                    if sample.value < before:
                        self.backwards.append((key, before, sample.value))
                    self.values[key] = sample.value
        self.rounds += 1

    def end(self):
        self.stop.set()
        self.join()
        print(f"{self.title} merged {self.rounds} times, {len(self.values)} counters")
        assert not self.failed, f"{self.title}: {self.failed!r}"
        assert self.rounds and self.values and not self.backwards, self.backwards[:5]


def python_merge(db):
    """Python's merge; it stumbles over files that its own workers are just creating."""
    for attempt in range(20):
        try:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=str(db))
            return exposition.generate_latest(registry).decode()
        except (OSError, ValueError, struct.error) as error:
            failed = error
            time.sleep(0.01)
    raise failed


@contextlib.contextmanager
def served(narthex, db):
    """The address at which the program serves the merge, and folds nothing."""
    command = [narthex, "serve", db, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield re.search(r"http://[^/\s]+", server.stdout.readline())[0]
    finally:
        server.kill()
        server.wait()


def main():
    out, example, narthex = pathlib.Path(sys.argv[1]).resolve(), *sys.argv[2:]
    shutil.rmtree(out, ignore_errors=True)
    for name in ("rust", "python", "both"):
        (out / name).mkdir(parents=True)
    alone(out / "rust", rust_pool(out / "rust" / "db", example), RUST_PATHS)
    alone(out / "python", gunicorn_pool(out / "python" / "db", out / "python"), PYTHON_PATHS)
    together(out / "both", example, narthex)


if __name__ == "__main__":
    main()
