//! The formats that the program reads and writes: a table of each, so that a new one is a row.

use std::fmt;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use narthex::Collector;
use narthex::exposition::{ContentCoding, Encoder, Encoding, Format};
use narthex::lint::{Linter, Problem};
use narthex::model::{EscapingScheme, MetricFamily};
use narthex::parser;

use crate::fault::Fault;

/// Families as they are read, one after the other.
pub(crate) type Families<'a> = Box<dyn Iterator<Item = Result<MetricFamily, Fault>> + 'a>;

/// How the JSON of a format tells times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// As seconds with a fraction: the format has milliseconds.
    Seconds,
    /// As seconds and nanoseconds.
    Nanoseconds,
}

/// A format that can be read.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    help: &'static str,
    media_type: &'static str,
    /// What the version in a `Content-Type` begins with; rows that ask for more stand first.
    version: &'static str,
    /// What is sent to servers that are asked for it, best first.
    accept: &'static str,
    looks_like: fn(&[u8]) -> bool,
    /// Reads it; strictly if that is asked for and the format has a choice.
    read: for<'a> fn(&'a [u8], bool) -> Families<'a>,
    lint: fn(&Linter, &[u8]) -> Vec<Problem>,
    pub(crate) times: Times,
}

/// In the order in which they are asked for and guessed; the last one is what is left.
const INPUTS: &[Input] = &[
    Input {
        name: "openmetrics2",
        help: "OpenMetrics 2.0, as its release candidate has it",
        media_type: "application/openmetrics-text",
        version: "2.",
        accept: "application/openmetrics-text;version=2.0.0;escaping=allow-utf-8",
        looks_like: is_second_version,
        read: |bytes, _| families(parser::openmetrics2::parse(bytes)),
        lint: |linter, bytes| linter.openmetrics2(bytes),
        times: Times::Nanoseconds,
    },
    Input {
        name: "openmetrics",
        help: "OpenMetrics 1.0.0",
        media_type: "application/openmetrics-text",
        version: "",
        accept: "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
        looks_like: ends_with_eof,
        read: |bytes, _| families(parser::openmetrics::parse(bytes)),
        lint: |linter, bytes| linter.openmetrics(bytes),
        times: Times::Nanoseconds,
    },
    Input {
        name: "protobuf",
        help: "Prometheus' protobuf messages, each behind its length",
        media_type: "application/vnd.google.protobuf",
        version: "",
        accept: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited;escaping=allow-utf-8",
        looks_like: |bytes| matches!(parser::protobuf::parse(bytes).next(), Some(Ok(_))),
        read: |bytes, _| families(parser::protobuf::parse(bytes)),
        lint: |linter, bytes| linter.protobuf(bytes),
        times: Times::Nanoseconds,
    },
    Input {
        name: "text",
        help: "The text format 0.0.4 or 1.0.0",
        media_type: "text/plain",
        version: "",
        accept: "text/plain;version=1.0.0;escaping=allow-utf-8, text/plain;version=0.0.4",
        looks_like: |_| true,
        read: |bytes, strict| match strict {
            true => families(parser::text::parse_strict(bytes)),
            false => families(parser::text::parse(bytes)),
        },
        lint: |linter, bytes| linter.text(bytes),
        times: Times::Seconds,
    },
];

impl Input {
    pub(crate) fn read<'a>(&self, bytes: &'a [u8], strict: bool) -> Families<'a> {
        (self.read)(bytes, strict)
    }

    /// What is wrong with it, read strictly.
    pub(crate) fn lint(&self, linter: &Linter, bytes: &[u8]) -> Vec<Problem> {
        (self.lint)(linter, bytes)
    }

    /// The format that a `Content-Type` names.
    pub(crate) fn of_content_type(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let version = parts.find_map(|part| part.strip_prefix("version=")).unwrap_or_default();
        let of_type = INPUTS.iter().filter(|i| i.media_type.eq_ignore_ascii_case(media_type));
        of_type.copied().find(|input| version.trim_matches('"').starts_with(input.version))
    }

    /// The format that a document seems to have.
    pub(crate) fn guess(bytes: &[u8]) -> Self {
        let alike = INPUTS.iter().find(|input| (input.looks_like)(bytes));
        *alike.unwrap_or(&INPUTS[INPUTS.len() - 1])
    }

    /// What writes this format, and says most.
    pub(crate) fn writer(&self) -> Option<&'static Output> {
        OUTPUTS.iter().rfind(|output| output.read_by == self.name)
    }

    /// What a server is asked for: this format, or the best that it has of all that can be read.
    pub(crate) fn accept(wanted: Option<Self>) -> String {
        if let Some(wanted) = wanted {
            return wanted.accept.to_owned();
        }
        let ranges = INPUTS.iter().flat_map(|input| input.accept.split(", ")).enumerate();
        let quality = |place| 9_usize.saturating_sub(place).max(2);
        let ranges = ranges.map(|(place, range)| format!("{range};q=0.{}", quality(place)));
        ranges.chain(["*/*;q=0.1".to_owned()]).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ValueEnum for Input {
    fn value_variants<'a>() -> &'a [Self] {
        INPUTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}

/// What a parser reads, with errors as all formats have them.
fn families<'a, E: Into<Fault>>(
    parsed: impl Iterator<Item = Result<MetricFamily, E>> + 'a,
) -> Families<'a> {
    Box::new(parsed.map(|family| family.map_err(Into::into)))
}

/// Whether the last line is the one that ends OpenMetrics.
fn ends_with_eof(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_end();
    text.strip_suffix(b"# EOF").is_some_and(|before| before.is_empty() || before.ends_with(b"\n"))
}

/// Whether that is so, and a value is one that only the second version has, or all is as only that
/// takes it, such as names of counters.
fn is_second_version(bytes: &[u8]) -> bool {
    let is_said = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    let parts: [&[u8]; 4] = [b" st@", b",bucket:[", b",quantile:[", b"_buckets:["];
    let is_second = || {
        parser::openmetrics::parse(bytes).any(|family| family.is_err())
            && parser::openmetrics2::parse(bytes).all(|family| family.is_ok())
    };
    ends_with_eof(bytes) && (parts.into_iter().any(is_said) || is_second())
}

/// A format that can be written.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) name: &'static str,
    help: &'static str,
    format: Format,
    /// How names are written unless something else is asked for.
    pub(crate) escaping: EscapingScheme,
    /// The name of the format that reads it again.
    read_by: &'static str,
    /// What it has no place for.
    pub(crate) lacks: &'static [Lack],
}

/// What a format may have no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    /// Infos and state sets.
    States,
    GaugeHistograms,
    Units,
    NativeHistograms,
    /// Those of native buckets beside those of others.
    NativeExemplars,
    Exemplars,
    UnstampedExemplars,
    /// Those of native buckets without a timestamp, where others need none.
    UnstampedNatives,
    StartTimes,
    /// Histograms and summaries without a count or a sum.
    MissingParts,
    /// Families without series.
    EmptyFamilies,
    /// Times that are no whole milliseconds.
    Nanoseconds,
}

/// Of those that are read alike, the one that says most is the last.
const OUTPUTS: &[Output] = &[
    Output {
        name: "text",
        help: "The text format 0.0.4, which everything reads",
        format: Format::Text004,
        escaping: EscapingScheme::Underscores,
        read_by: "text",
        lacks: TEXT_LACKS,
    },
    Output {
        name: "text1",
        help: "The text format 1.0.0, which knows quoted names",
        format: Format::Text100,
        escaping: EscapingScheme::AllowUtf8,
        read_by: "text",
        lacks: TEXT_LACKS,
    },
    Output {
        name: "openmetrics",
        help: "OpenMetrics 1.0.0",
        format: Format::OpenMetrics100,
        escaping: EscapingScheme::AllowUtf8,
        read_by: "openmetrics",
        lacks: &[Lack::NativeHistograms, Lack::NativeExemplars],
    },
    Output {
        name: "openmetrics2",
        help: "OpenMetrics 2.0, as its release candidate has it",
        format: Format::OpenMetrics200,
        escaping: EscapingScheme::AllowUtf8,
        read_by: "openmetrics2",
        lacks: &[Lack::NativeExemplars, Lack::UnstampedExemplars, Lack::MissingParts],
    },
    Output {
        name: "protobuf",
        help: "Prometheus' protobuf messages, each behind its length",
        format: Format::Protobuf,
        escaping: EscapingScheme::AllowUtf8,
        read_by: "protobuf",
        lacks: &[
            Lack::States,
            Lack::UnstampedNatives,
            Lack::MissingParts,
            Lack::EmptyFamilies,
            Lack::Nanoseconds,
        ],
    },
];

const TEXT_LACKS: &[Lack] = &[
    Lack::States,
    Lack::GaugeHistograms,
    Lack::Units,
    Lack::NativeHistograms,
    Lack::Exemplars,
    Lack::StartTimes,
    Lack::Nanoseconds,
];

impl Output {
    /// Whether it has no place for something that the other one says.
    pub(crate) fn says_less_than(&self, other: &Self) -> bool {
        // What it makes up is more and not less.
        let lacks = self.lacks.iter().filter(|lack| **lack != Lack::MissingParts);
        lacks.into_iter().any(|lack| {
            let is_native = matches!(lack, Lack::NativeExemplars | Lack::UnstampedNatives);
            let is_exemplar = is_native || *lack == Lack::UnstampedExemplars;
            let others = other.lacks;
            !(others.contains(lack)
                || is_exemplar && others.contains(&Lack::Exemplars)
                || is_native && others.contains(&Lack::NativeHistograms))
        })
    }

    /// Whether the samples of a histogram have names of their own.
    pub(crate) fn has_suffixes(&self) -> bool {
        self.is_text() || matches!(self.format, Format::OpenMetrics100)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.format, Format::Text004 | Format::Text100)
    }

    pub(crate) fn has_natives(&self) -> bool {
        !self.lacks.contains(&Lack::NativeHistograms)
    }

    /// All of families, in this format.
    pub(crate) fn write(
        &self,
        collector: &dyn Collector,
        escaping: EscapingScheme,
        created: bool,
    ) -> narthex::Result<Vec<u8>> {
        let shows = created || !self.lacks.contains(&Lack::StartTimes);
        let encoding = Encoding::new(self.format, escaping).with_created(shows);
        let (mut out, plain) = (Vec::new(), ContentCoding::Identity);
        Encoder::new().encode(collector, encoding, plain, None, &mut out)?;
        Ok(out)
    }

    /// What reads it again.
    pub(crate) fn reader(&self) -> Option<Input> {
        INPUTS.iter().find(|input| input.name == self.read_by).copied()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ValueEnum for Output {
    fn value_variants<'a>() -> &'a [Self] {
        OUTPUTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}
