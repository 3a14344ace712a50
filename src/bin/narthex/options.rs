//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use narthex::lint::Rule;
use narthex::model::EscapingScheme;

use crate::compare::Values;
use crate::formats::{Input, Output};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; damage, if there was any, is told on standard error
  1  done, and something is damaged, or files of one family disagree (only
     with --strict)
  2  wrong usage, or a directory, file or address that cannot be used";

const ALL_CODES: &str = "\
Exit codes:
  0  done; or nothing is wrong, or both are the same
  1  not valid, something is wrong, they differ, or, with --strict, something
     is damaged: `--help` of each command says which
  2  wrong usage, or something that cannot be read or used";

const VALIDITY_CODES: &str = "\
Exit codes:
  0  done
  1  what was read is not valid, or would not be as it is written
  2  wrong usage, or a file or server that cannot be read";

const CHECK_CODES: &str = "\
Exit codes:
  0  nothing is wrong
  1  something is wrong
  2  wrong usage, or a file or server that cannot be read";

const DIFF_CODES: &str = "\
Exit codes:
  0  both say the same
  1  they differ
  2  wrong usage, or one of them cannot be read";

/// Reads, checks, converts and compares what programs expose, and merges
/// directories of metrics that worker processes share.
///
/// Whatever wrote it, Python's prometheus_client, this library or another.
#[derive(Debug, Parser)]
#[command(version, after_help = ALL_CODES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Parse(ParseOptions),
    Check(CheckOptions),
    Convert(ConvertOptions),
    Diff(DiffOptions),
    Merge(MergeOptions),
    Serve(ServeOptions),
    Inspect(InspectOptions),
    Compact(CompactOptions),
}

/// How an exposition is read.
#[derive(Args, Debug)]
pub(crate) struct InputOptions {
    /// The format; by default what the server says, or what the file looks like.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<Input>,
    /// How long to wait for the answer of a server, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) timeout: u64,
}

/// Print what an exposition says as JSON.
///
/// If it cannot be read, an object with `error`, `line` and `column` is printed instead.
#[derive(Args, Debug)]
#[command(after_help = VALIDITY_CODES)]
pub(crate) struct ParseOptions {
    /// A file, a URL that begins with http://, or - for standard input.
    #[arg(value_name = "FILE|URL")]
    pub(crate) place: PathBuf,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// Read text as the specification says, and not as most readers do.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Find what is wrong with expositions.
///
/// They are read strictly; names, labels and numbers are held against what
/// Prometheus advises, and names against each other.
#[derive(Args, Debug)]
#[command(after_help = check_help())]
pub(crate) struct CheckOptions {
    /// Files, URLs that begin with http://, or - for standard input.
    #[arg(value_name = "FILE|URL", required = true)]
    pub(crate) places: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// A rule that is not looked at, such as no-help; may be given again.
    #[arg(long, value_name = "RULE")]
    pub(crate) without: Vec<Rule>,
    /// Print JSON, whose shape README tells.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write an exposition in another format.
///
/// What that format has no place for is told on standard error.
#[derive(Args, Debug)]
#[command(after_help = VALIDITY_CODES)]
pub(crate) struct ConvertOptions {
    /// A file, a URL that begins with http://, or - for standard input.
    #[arg(value_name = "FILE|URL")]
    pub(crate) place: PathBuf,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// The format to write.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Output,
    /// What becomes of names with unusual characters; by default underscores
    /// in text, and allow-utf-8 in formats that know quoted names.
    #[arg(long, value_enum)]
    pub(crate) escaping: Option<Escaping>,
    /// Show when series began in text, too: as gauges named `_created`.
    #[arg(long)]
    pub(crate) created: bool,
    /// Write the result even if it is not valid, such as a series that stands twice.
    #[arg(long)]
    pub(crate) force: bool,
    /// Read text as the specification says, and not as most readers do.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Compare what two expositions say, in whatever formats.
///
/// Families and series are found by name, in any order. If one format has no
/// place for what the other one says, such as units, that is not compared.
#[derive(Args, Debug)]
#[command(after_help = DIFF_CODES)]
pub(crate) struct DiffOptions {
    /// A file, a URL that begins with http://, or - for standard input.
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// What it is compared with.
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,
    /// The format of both, or, given twice, of each; by default what the
    /// server says, or what the file looks like.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Vec<Input>,
    /// How numbers are compared: `exact`, with their times and exemplars;
    /// `ignore`, not at all; or by how much of the larger one they may differ,
    /// such as 0.01 or 1%.
    #[arg(long, default_value = "exact", value_parser = values, value_name = "HOW")]
    pub(crate) values: Values,
    /// Print JSON, whose shape README tells.
    #[arg(long)]
    pub(crate) json: bool,
    /// How long to wait for the answer of a server, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) timeout: u64,
}

/// The rules, each of which `--without` takes, and the exit codes.
fn check_help() -> String {
    let mut rules = String::from("Rules:");
    let mut width = usize::MAX;
    for rule in Rule::ALL.iter().map(|rule| rule.as_str()) {
        if width.saturating_add(2 + rule.len()) > 72 {
            rules.push_str("\n ");
            width = 1;
        }
        rules.push(' ');
        rules.push_str(rule);
        width += 1 + rule.len();
    }
    format!("{rules}\n\nnarthex::lint::Rule says what each of them finds.\n\n{CHECK_CODES}")
}

fn values(text: &str) -> Result<Values, String> {
    match text {
        "exact" => Ok(Values::Exact),
        "ignore" => Ok(Values::Ignored),
        _ => {
            let (number, of) = text.strip_suffix('%').map_or((text, 1.0), |text| (text, 100.0));
            match number.parse::<f64>() {
                Ok(part) if part.is_finite() && part >= 0.0 => Ok(Values::Within(part / of)),
                _ => Err("neither `exact` nor `ignore` nor a number from 0 on, such as 0.01 or 1%"
                    .to_owned()),
            }
        }
    }
}

/// Print what the files of a directory come to, as Prometheus reads it.
///
/// The directory is not changed.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MergeOptions {
    /// The directory that the processes share.
    pub(crate) dir: PathBuf,
    /// The format to print it in.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Output,
    /// What becomes of names with unusual characters.
    #[arg(long, value_enum, default_value_t = Escaping::Underscores)]
    pub(crate) escaping: Escaping,
    /// End with exit code 1 if anything is damaged, or files of one family disagree.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Serve what the files of a directory come to, over HTTP.
///
/// The files are merged anew for every request, and the directory is not
/// changed without --compact. Ends on Ctrl-C and on SIGTERM.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ServeOptions {
    /// The directory that the processes share.
    pub(crate) dir: PathBuf,
    /// The address to listen on, such as 127.0.0.1:9100; port 0 takes one that is free.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: String,
    /// Where the metrics are.
    #[arg(long, default_value = "/metrics")]
    pub(crate) path: String,
    /// TLS, users, headers and limits: a web configuration file as exporters have it.
    #[cfg(feature = "web-config")]
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(crate) web_config: Option<PathBuf>,
    /// Fold the files of dead processes, as `narthex compact` does, when there
    /// are more than a few. Not where a Python process merges the directory, too.
    #[arg(long)]
    pub(crate) compact: bool,
}

/// Show what files hold, what they waste, and where they are damaged.
///
/// Of a directory, a line for each file; of a file, its entries as well.
/// Nothing is changed.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct InspectOptions {
    /// The directory that the processes share, or one file of it.
    #[arg(value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// Print JSON, whose shape docs/multiprocess.md tells.
    #[arg(long)]
    pub(crate) json: bool,
    /// End with exit code 1 if anything is damaged, or files of one family disagree.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Fold the files of dead processes into one file for each type and mode.
///
/// No count is lost or doubled for whoever merges with narthex meanwhile, nor
/// by a kill. Gauges of the dead with the modes `all` and `live...` are gone.
/// Python's client, if it merges the directory, is right only while no fold is
/// under way.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CompactOptions {
    /// The directory that the processes share.
    pub(crate) dir: PathBuf,
    /// Take processes of other clients for dead, too, if their number is that
    /// of no process here. Only if they run on this machine, and in no other
    /// container than this program.
    #[arg(long)]
    pub(crate) local_pids: bool,
    /// End with exit code 1 if anything in the directory is damaged, whether it
    /// was folded or not, or files of one family disagree. Files that are kept
    /// as *.damaged are not looked at again.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Escaping {
    #[value(name = "allow-utf-8")]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl From<Escaping> for EscapingScheme {
    fn from(escaping: Escaping) -> Self {
        match escaping {
            Escaping::AllowUtf8 => Self::AllowUtf8,
            Escaping::Underscores => Self::Underscores,
            Escaping::Dots => Self::Dots,
            Escaping::Values => Self::Values,
        }
    }
}
