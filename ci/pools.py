#!/usr/bin/env python3
"""Lets real pools of workers write shared files, and Python's client merge them.

    pools.py OUT EXAMPLE

OUT/rust is left by the worker pool of the examples (the program EXAMPLE), one
worker of which is killed; OUT/python by a gunicorn pool, likewise. Each has the
files in `db`, Python's merge of them in `python.txt` and `python.om.txt`, and
in `answered` how many requests were answered. `tests/it/pools.rs` compares.
"""

import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from prometheus_client import CollectorRegistry, exposition, multiprocess, openmetrics

SECONDS = 3

APP = '''
import os
from prometheus_client import Counter, Gauge, Histogram, Summary

LABELS = ["path", "odd"]
REQUESTS = Counter("pool_requests", "Answered, with an \\u00e9, a \\\\ and a\\nbreak.", LABELS)
LATENCY = Histogram("pool_latency_seconds", "Of answers.", ["path"])
SIZE = Summary("pool_size_bytes", "Of answers.")
MODES = ["all", "min", "max", "sum", "mostrecent"]
GAUGES = [
    Gauge("pool_" + mode, "In mode " + mode, ["l"], multiprocess_mode=mode)
    for kind in MODES for mode in (kind, "live" + kind)
]
ODD = ['a"b', "c\\\\d", "e\\nf", "g,h=i", "\\u20ac\\U0001f600", "", "{}"]

def app(environ, start_response):
    path = environ["PATH_INFO"]
    with LATENCY.labels(path).time():
        for gauge in GAUGES:
            gauge.labels("x").set(os.getpid() % 1000 / 8)
    SIZE.observe(len(path))
    REQUESTS.labels(path, ODD[len(path) % len(ODD)]).inc()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
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


def under_load(address, paths, kill):
    stop, answered = threading.Event(), []
    clients = [
        threading.Thread(target=load, args=(address, paths, stop, answered)) for _ in range(3)
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


def end(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, process.returncode


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


def rust_pool(out, example):
    command = [example, "--workers", "3", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    pool = subprocess.Popen([*command, "--dir", out / "db"], stdout=subprocess.PIPE, text=True)
    address, workers = None, []
    while len(workers) < 3:
        line = pool.stdout.readline()
        address = address or re.search(r"http://([^/]+)/", line)
        workers += re.findall(r"worker (\d+) started", line)
    drain = threading.Thread(target=pool.stdout.read)
    drain.start()
    kill = lambda: os.kill(int(workers[0]), signal.SIGKILL)
    answered = under_load(address[1], ["/", "/primes/500", "/primes/9000"], kill)
    end(pool)
    drain.join()
    merge(out, answered)


def gunicorn_pool(out):
    (out / "app.py").write_text(APP)
    (out / "db").mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(out / "db")}
    command = [sys.executable, "-m", "gunicorn", "-w", "3", "-b", "127.0.0.1:0", "app:app"]
    pool = subprocess.Popen(
        command, cwd=out, env=environment, stderr=subprocess.PIPE, text=True
    )
    address, workers = None, []
    while len(workers) < 3:
        line = pool.stderr.readline()
        assert line, "gunicorn ended"
        address = address or re.search(r"Listening at: http://(\S+)", line)
        workers += re.findall(r"Booting worker with pid: (\d+)", line)
    drain = threading.Thread(target=pool.stderr.read)
    drain.start()
    kill = lambda: os.kill(int(workers[0]), signal.SIGKILL)
    answered = under_load(address[1], ["/", "/a", "/a/longer/path"], kill)
    end(pool)
    drain.join()
    merge(out, answered)


def main():
    out, example = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    shutil.rmtree(out, ignore_errors=True)
    for name in ("rust", "python"):
        (out / name).mkdir(parents=True)
    rust_pool(out / "rust", example)
    gunicorn_pool(out / "python")


if __name__ == "__main__":
    main()
