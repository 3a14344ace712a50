#!/usr/bin/env python3
"""Times the parsers of Python's client, and ours, on the same bodies, in one run.

A table says for each body how long Python takes to read it into its families,
and how many times faster ours is to read it into ours. The two take turns, and
the median of each counts.

The bench `reader` is built for release if it is not named.

It is a benchmark: it fails if one of the two finds another number of samples
than the other, and never for the time they take.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time

from prometheus_client import CollectorRegistry, generate_latest, parser
from prometheus_client.core import (
    CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser

SERIES, ROUNDS = 10_000, 5
BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "10.0", "+Inf"]


class Told:
    def __init__(self, family):
        self.family = family

    def collect(self):
        yield self.family


def counters():
    family = CounterMetricFamily("http_requests", "Requests.", labels=["method", "path", "code"])
    for n in range(SERIES):
        family.add_metric(["GET", f"/api/v1/items/{n}", "200"], n * 7919 % 1_000_000)
    return family


def gauges():
    family = GaugeMetricFamily("temperature", "In the rack.", labels=["rack", "room", "sensor"])
    for n in range(SERIES):
        family.add_metric([f"rack-{n}", "north", "inlet"], (n * 7919 % 1_000_003) / 3e7)
    return family


def histograms():
    family = HistogramMetricFamily("latency_seconds", "Of answers.", labels=["path"])
    for n in range(SERIES // 13):
        buckets = [(bound, place * (n % 1000)) for place, bound in enumerate(BOUNDS, 1)]
        family.add_metric([f"/api/v1/{n}"], buckets, n / 7)
    return family


def compare(name, form, body, read, reader):
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        command = [reader, form, file.name]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as ours:
            text = body.decode()
            found = sum(len(family.samples) for family in read(text))
            told = int(ours.stdout.readline())
            assert found == told, f"{name}: {found} samples for Python, {told} for us"
            pythons, own = [], []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                list(read(text))
                pythons.append(time.perf_counter() - begun)
                ours.stdin.write("\n")
                own.append(int(ours.stdout.readline()) / 1e9)
            ours.stdin.close()
    python, own = statistics.median(pythons), statistics.median(own)
    row(name, form, f"{found:,}", f"{python * 1000:.0f} ms", f"{own * 1000:.2f} ms",
        f"{python / own:.0f}x", f"{len(body) / own / 1e6:.0f} MB/s")


def row(name, *cells):
    print(f"{name:12}" + "".join(f"{cell:>13}" for cell in cells), flush=True)


def built():
    """The path of the bench, which cargo has built."""
    command = ["cargo", "build", "--message-format", "json", "--profile", "bench"]
    command += ["--bench", "reader"]
    messages = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    programs = [message.get("executable") for message in map(json.loads, messages)]
    return next(program for program in reversed(programs) if program)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--reader")
    reader = options.parse_args().reader or built()
    row("body", "format", "samples", "Python", "ours", "", "")
    for family in (counters(), gauges(), histograms()):
        registry = CollectorRegistry()
        registry.register(Told(family))
        name = f"{family.type}s"
        text, om = generate_latest(registry), openmetrics.generate_latest(registry)
        compare(name, "text", text, parser.text_string_to_metric_families, reader)
        compare(name, "openmetrics", om, openmetrics_parser.text_string_to_metric_families, reader)


main()
