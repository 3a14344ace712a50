#!/usr/bin/env python3
"""Times Python's merge of directories of shared files, and the program's, in one run.

    merge_versus_python.py [--narthex PROGRAM] [--pool PROGRAM] [DIR ...]

A table says for each kind of directory, or for each DIR, how long Python's
client takes to merge it, and how many times faster the program is. The first
scrape is `narthex merge`, its start included. The following ones are answers of
`narthex serve`, the connection included. Python merges in this very process,
which is warm already. The three take turns, and the median of each counts.

The program `narthex`, and the bench `pool` that writes files as workers of ours
do, are built for release if they are not named.

It is a benchmark: it fails if the merges differ, and never for the time they take.
"""

import argparse
import contextlib
import json
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

SERIES, ROUNDS = 1000, 7
BUCKETS = [".005", ".01", ".025", ".05", ".075", ".1", ".25", ".5", ".75",
           "1.0", "2.5", "5.0", "7.5", "10.0", "+Inf"]


def keys(kind):
    """What Python's client calls the entries of a worker, with their values."""
    for n in range(SERIES):
        path = f"/api/v1/items/{n}"
        if kind == "counters":
            name, help = "http_requests", "Requests answered."
            yield mmap_key(name, f"{name}_total", ["path"], [path], help), float(n)
            continue
        name, help = "http_latency_seconds", "Of answers."
        yield mmap_key(name, f"{name}_sum", ["path"], [path], help), 0.3
        for bound in BUCKETS:
            bound = str(float(bound)).replace("inf", "+Inf")
            key = mmap_key(name, f"{name}_bucket", ["path", "le"], [path, bound], help)
            yield key, float(bound == "0.5")


def write_python(directory, kind, workers):
    entries = list(keys(kind))
    for worker in range(1, workers + 1):
        file = MmapedDict(f"{directory}/{kind[:-1]}_{worker}.db")
        for key, value in entries:
            file.write_value(key, value, 0.0)
        file.close()


@contextlib.contextmanager
def own_pool(pool, directory, kind, workers):
    command = [pool, directory, kind, str(workers), str(SERIES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n", "the pool was not written"
        yield
        process.stdin.close()


@contextlib.contextmanager
def served(narthex, directory):
    """How to get an answer of a server that has given one before."""
    command = [narthex, "serve", directory, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        address = re.search(r"http://\S+?(?=[/\s]|$)", server.stdout.readline())[0]
        answer = lambda: urllib.request.urlopen(f"{address}/metrics").read()
        answer()
        yield answer
    finally:
        server.kill()
        server.wait()


def samples(text):
    """The samples that Python's files can tell of."""
    lines = text.decode().splitlines()
    return sorted(line for line in lines if line[0] != "#" and "narthex_multiprocess_" not in line)


def compare(name, narthex, directory):
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(directory))
    entries = sum(
        sum(1 for _ in MmapedDict.read_all_values_from_file(str(file)))
        for file in directory.glob("*.db")
    )
    with served(narthex, directory) as answer:
        ways = [
            lambda: generate_latest(registry),
            lambda: subprocess.run(
                [narthex, "merge", directory], check=True, capture_output=True
            ).stdout,
            answer,
        ]
        texts, times = [samples(way()) for way in ways], [[] for _ in ways]
        assert texts[0] == texts[1] == texts[2], f"{directory}: the merges differ"
        for _ in range(ROUNDS):
            for way, took in zip(ways, times):
                begun = time.perf_counter()
                way()
                took.append(time.perf_counter() - begun)
    python, first, following = map(statistics.median, times)
    row(
        name, f"{entries:,}", f"{python * 1000:.0f} ms",
        f"{first * 1000:.1f} ms", f"{python / first:.1f}x",
        f"{following * 1000:.1f} ms", f"{python / following:.1f}x",
        f"{entries / following / 1e6:.0f} M/s",
    )


def row(name, *cells):
    print(f"{name:34}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def built(*options):
    """The path of a program that cargo has built."""
    command = ["cargo", "build", "--message-format", "json", *options]
    messages = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    programs = [message.get("executable") for message in map(json.loads, messages)]
    return next(program for program in reversed(programs) if program)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--narthex")
    parser.add_argument("--pool")
    parser.add_argument("dir", nargs="*")
    options = parser.parse_args()
    given = options.dir
    narthex = options.narthex or built("--release", "--features", "cli", "--bin", "narthex")
    pool = given or options.pool or built("--profile", "bench", "--bench", "pool")
    row("directory", "entries", "Python", "first", "", "following", "", "entries")
    for directory in given:
        compare(pathlib.Path(directory).name, narthex, pathlib.Path(directory))
    if given:
        return
    for kind, workers in [("counters", 256), ("histograms", 64)]:
        for whose, pythons in [("Python's", workers), ("own", 0), ("half of each", workers // 2)]:
            with tempfile.TemporaryDirectory() as name:
                directory = pathlib.Path(name)
                write_python(directory, kind, pythons)
                with own_pool(pool, directory, kind, workers - pythons):
                    compare(f"{workers} x {SERIES:,} {kind}, {whose}", narthex, directory)


main()
