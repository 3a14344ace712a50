#!/usr/bin/env python3
"""Scrapes a second and their latency: narthex's server beside those of metrics-exporter-prometheus
and, if its program is given, of Go's client.

    cargo build --release --manifest-path benches/versus/Cargo.toml --example serving
    benches/versus/serving/run.py [--go PROGRAM] [--series 10000] [--rounds 5] [--seconds 2]

The program of Go is main.go beside this file. All servers run during the whole of it; wrk asks
them by turns, over connections that are kept, and the table has the medians of the rounds.
"""

import argparse
import re
import statistics
import subprocess
import urllib.request
from pathlib import Path

ACCEPT = "text/plain;version=0.0.4"
PROGRAM = Path(__file__).parent.parent / "target/release/examples/serving"


class Server:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def body(self, coding):
        headers = {"Accept": ACCEPT, "Accept-Encoding": coding}
        with urllib.request.urlopen(urllib.request.Request(self.url, headers=headers)) as answer:
            return answer.headers.get("Content-Encoding", "identity"), len(answer.read())

    def ask(self, coding, connections, seconds):
        said = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
             "-H", f"Accept: {ACCEPT}", "-H", f"Accept-Encoding: {coding}", self.url],
            check=True, capture_output=True, text=True,
        ).stdout
        assert "Non-2xx" not in said and "Socket errors" not in said, said
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
        return rate, latency(said, "50%"), latency(said, "99%")


def latency(said, share):
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", said).groups()
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--go")
    options.add_argument("--series", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=2)
    options = options.parse_args()

    series = str(options.series)
    commands = {"narthex": [PROGRAM, "narthex", series], "metrics": [PROGRAM, "metrics", series]}
    if options.go:
        commands["Go"] = [options.go, series]
    servers = [Server(name, command) for name, command in commands.items()]
    try:
        print(f"{series} series; scrapes a second, median and 99th percentile in ms")
        for coding in ["identity", "gzip"]:
            for server in servers:
                got, size = server.body(coding)
                print(f"{server.name} answers {coding} with {got}, {size} bytes")
            for connections in [1, 8]:
                seen = {server.name: [] for server in servers}
                for _ in range(options.rounds):
                    for server in servers:
                        seen[server.name].append(server.ask(coding, connections, options.seconds))
                medians = {
                    name: [statistics.median(column) for column in zip(*rounds)]
                    for name, rounds in seen.items()
                }
                ours = medians["narthex"]
                for name, (rate, half, most) in medians.items():
                    ratio = f", narthex {ours[0] / rate:.1f} times" if name != "narthex" else ""
                    print(f"| {coding} | {connections} | {name} | {rate:.0f} | {half:.2f} | "
                          f"{most:.2f} |{ratio}")
    finally:
        for server in servers:
            server.process.kill()


if __name__ == "__main__":
    main()
