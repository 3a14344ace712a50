#!/usr/bin/env python3
"""Times Python's merge of a directory of shared files, and the program's, in one run.

    merge_versus_python.py NARTHEX [DIR]

NARTHEX is the program, built for release. Without DIR, a directory of 256
workers with 1,000 counters each is written first. The first scrape is
`narthex merge`, its start included; the following ones are answers of `narthex
serve`. Python merges in this very process, which is warm already.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.mmap_dict import MmapedDict, mmap_key

WORKERS, SERIES, ROUNDS = 256, 1000, 7


def write(directory):
    paths = [f"/api/v1/items/{n}" for n in range(SERIES)]
    keys = [
        mmap_key("http_requests", "http_requests_total", ["path"], [path], "Requests answered.")
        for path in paths
    ]
    for worker in range(1, WORKERS + 1):
        file = MmapedDict(f"{directory}/counter_{worker}.db")
        for amount, key in enumerate(keys):
            file.write_value(key, float(amount), 0.0)
        file.close()


def median(merge):
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        merge()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def compare(narthex, directory):
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(directory))
    python = median(lambda: generate_latest(registry))
    first = median(
        lambda: subprocess.run([narthex, "merge", directory], check=True, capture_output=True)
    )
    server = subprocess.Popen(
        [narthex, "serve", directory, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    try:
        address = re.search(r"http://\S+?(?=[/\s]|$)", server.stdout.readline())[0]
        answer = lambda: urllib.request.urlopen(f"{address}/metrics").read()
        answer()
        following = median(answer)
    finally:
        server.kill()
        server.wait()
    print(f"Python {python * 1000:.1f} ms")
    for name, took in [("first scrape", first), ("following scrapes", following)]:
        print(f"{name} {took * 1000:.1f} ms: {python / took:.1f} times faster")


def main():
    narthex, *given = sys.argv[1:]
    if given:
        compare(narthex, pathlib.Path(given[0]))
        return
    with tempfile.TemporaryDirectory() as directory:
        write(directory)
        compare(narthex, pathlib.Path(directory))


main()
