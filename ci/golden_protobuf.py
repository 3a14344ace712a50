"""Writes tests/golden/protobuf/all.bin with Google's own library: what narthex must write, byte for byte.

usage: golden_protobuf.py [--check]     (wants the package protobuf)

The messages are described here by their fields and numbers, which are facts of the format, and
filled by hand with what tests/it/exposition_protobuf.rs tells a registry.
"""

import pathlib
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

PACKAGE = "io.prometheus.client"
# Name of a message: its fields as (name, number, type); a star repeats, two pack as well.
MESSAGES = {
    "LabelPair": "name 1 string, value 2 string",
    "Gauge": "value 1 double",
    "Counter": "value 1 double, exemplar 2 Exemplar, start_timestamp 3 Timestamp",
    "Quantile": "quantile 1 double, value 2 double",
    "Summary": "sample_count 1 uint64, sample_sum 2 double, quantile 3 Quantile*, start_timestamp 4 Timestamp",
    "Untyped": "value 1 double",
    "Histogram": "sample_count 1 uint64, sample_sum 2 double, bucket 3 Bucket*, sample_count_float 4 double,"
    " schema 5 sint32, zero_threshold 6 double, zero_count 7 uint64, zero_count_float 8 double,"
    " negative_span 9 BucketSpan*, negative_delta 10 sint64**, negative_count 11 double**,"
    " positive_span 12 BucketSpan*, positive_delta 13 sint64**, positive_count 14 double**,"
    " start_timestamp 15 Timestamp, exemplars 16 Exemplar*",
    "Bucket": "cumulative_count 1 uint64, upper_bound 2 double, exemplar 3 Exemplar, cumulative_count_float 4 double",
    "BucketSpan": "offset 1 sint32, length 2 uint32",
    "Exemplar": "label 1 LabelPair*, value 2 double, timestamp 3 Timestamp",
    "Metric": "label 1 LabelPair*, gauge 2 Gauge, counter 3 Counter, summary 4 Summary, untyped 5 Untyped,"
    " timestamp_ms 6 int64, histogram 7 Histogram",
    "MetricFamily": "name 1 string, help 2 string, type 3 int32, metric 4 Metric*, unit 5 string",
}


def family_class():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package=PACKAGE, syntax="proto2")
    file.dependency.append("google/protobuf/timestamp.proto")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split(","):
            own, number, kind = text.split()
            stars, kind = kind.count("*"), kind.rstrip("*")
            added = message.field.add(name=own, number=int(number))
            added.label = field.LABEL_REPEATED if stars else field.LABEL_OPTIONAL
            if stars == 2:
                added.options.packed = True
            if kind == "Timestamp" or kind in MESSAGES:
                added.type = field.TYPE_MESSAGE
                added.type_name = ".google.protobuf.Timestamp" if kind == "Timestamp" else f".{PACKAGE}.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    known = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(known)
    pool.Add(known)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.MetricFamily"))


COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
TRACE = [{"name": "trace_id", "value": "4bf9"}]
START = {"seconds": 1_700_000_000, "nanos": 500_000_000}


def labels(**pairs):
    return [{"name": name, "value": value} for name, value in sorted(pairs.items())]


def exemplar(value, seconds=None, nanos=0):
    told = {"label": TRACE, "value": value}
    if seconds is not None:
        told["timestamp"] = {"seconds": seconds, "nanos": nanos} if nanos else {"seconds": seconds}
    return told


FAMILIES = [
    {
        "name": "sent_bytes_total", "help": "Bytes \"sent\"\nand \\ counted.", "type": COUNTER, "unit": "bytes",
        "metric": [
            {"label": labels(to="a\"b\\c\nd", via="x" * 200),
             "counter": {"value": 3.0, "exemplar": exemplar(1.0, -1, 500_000_000), "start_timestamp": START}},
            {"label": labels(to="", via="é"), "counter": {"value": 0.5}, "timestamp_ms": -1500},
        ],
    },
    {"name": "heat", "help": "", "type": GAUGE, "metric": [{"gauge": {"value": float("-inf")}}]},
    {"name": "old", "help": "h", "type": UNTYPED, "metric": [{"untyped": {"value": 0.0}, "timestamp_ms": 1}]},
    {"name": "build_info", "help": "h", "type": GAUGE,
     "metric": [{"label": labels(version="1.2"), "gauge": {"value": 1.0}}]},
    {"name": "mode", "help": "h", "type": GAUGE,
     "metric": [{"label": labels(mode=mode), "gauge": {"value": set}} for mode, set in (("off", 0.0), ("on", 1.0))]},
    {
        "name": "size", "help": "h", "type": SUMMARY,
        "metric": [
            {"summary": {"sample_count": 300, "sample_sum": 7.5, "start_timestamp": START}},
            {"label": labels(q="1"), "summary": {
                "sample_count": 2, "sample_sum": 4.0,
                "quantile": [{"quantile": 0.5, "value": 1.5}, {"quantile": 0.99, "value": 2.5}]}},
        ],
    },
    {
        "name": "wait_seconds", "help": "h", "type": HISTOGRAM, "unit": "seconds",
        "metric": [
            {"label": labels(path="/"), "histogram": {
                "sample_count": 400, "sample_sum": 20.5, "start_timestamp": START,
                "bucket": [{"cumulative_count": 100, "upper_bound": 0.1},
                           {"cumulative_count": 400, "upper_bound": float("inf")}]}},
            {"label": labels(path="/x"), "timestamp_ms": 123456, "histogram": {
                "sample_count_float": 1.5, "sample_sum": 2.0,
                "bucket": [{"cumulative_count_float": 0.5, "upper_bound": 0.1, "exemplar": exemplar(0.05, 5)},
                           {"cumulative_count_float": 1.5, "upper_bound": float("inf")}]}},
        ],
    },
    {
        "name": "age", "help": "h", "type": GAUGE_HISTOGRAM,
        "metric": [{"histogram": {"sample_count": 1, "sample_sum": -2.0,
                                  "bucket": [{"cumulative_count": 1, "upper_bound": -1.0},
                                             {"cumulative_count": 1, "upper_bound": float("inf")}]}}],
    },
    {
        "name": "rtt", "help": "h", "type": HISTOGRAM,
        "metric": [
            {"label": labels(n="0"), "histogram": {
                "sample_count": 0, "sample_sum": 0.0, "schema": 3, "zero_threshold": 0.0, "zero_count": 0,
                "positive_span": [{"offset": 0, "length": 0}]}},
            {"label": labels(n="1"), "histogram": {
                "sample_count": 210, "sample_sum": 3.5, "schema": -2, "zero_threshold": 0.25, "zero_count": 2,
                "negative_span": [{"offset": 7, "length": 1}], "negative_delta": [200],
                "positive_span": [{"offset": -5, "length": 1}, {"offset": 4, "length": 2}],
                "positive_delta": [5, -3, -1], "exemplars": [exemplar(0.5, 5, 6)]}},
            {"label": labels(n="2"), "histogram": {
                "sample_count_float": 10.5, "sample_sum": 3.5, "schema": 8, "zero_threshold": 0.0,
                "zero_count_float": 0.0, "positive_span": [{"offset": 1, "length": 1}], "positive_count": [10.5]}},
            {"label": labels(n="3"), "histogram": {
                "sample_count": 5, "sample_sum": 9.0, "schema": 0, "zero_threshold": 0.0, "zero_count": 0,
                "bucket": [{"cumulative_count": 4, "upper_bound": 1.0},
                           {"cumulative_count": 5, "upper_bound": float("inf")}],
                "positive_span": [{"offset": 0, "length": 2}], "positive_delta": [4, -3]}},
        ],
    },
]


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def main():
    family = family_class()
    texts = [family(**told).SerializeToString(deterministic=True) for told in FAMILIES]
    golden = b"".join(varint(len(text)) + text for text in texts)
    path = pathlib.Path(__file__).parent.parent / "tests/golden/protobuf/all.bin"
    if "--check" in sys.argv[1:]:
        if path.read_bytes() != golden:
            sys.exit(f"{path} is not what Google's library writes")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(golden)


main()
