//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use narthex::exposition;
use narthex::model::EscapingScheme;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; damage, if there was any, is told on standard error
  1  done, and something is damaged, or files of one family disagree (only
     with --strict)
  2  wrong usage, or a directory, file or address that cannot be used";

/// Reads directories of metrics that worker processes share.
///
/// Whatever wrote the files, Python's prometheus_client or this library:
/// they are the same.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Merge(MergeOptions),
    Serve(ServeOptions),
    Inspect(InspectOptions),
    Compact(CompactOptions),
}

/// Print what the files of a directory come to, as Prometheus reads it.
///
/// The directory is not changed.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MergeOptions {
    /// The directory that the processes share.
    pub(crate) dir: PathBuf,
    /// Text 0.0.4 or OpenMetrics 1.0.0.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
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
pub(crate) enum Format {
    Text,
    Openmetrics,
}

impl From<Format> for exposition::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text004,
            Format::Openmetrics => Self::OpenMetrics100,
        }
    }
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
