//! The program `narthex`: for expositions, and for directories of metrics that processes share.

mod check;
mod compact;
mod compare;
mod convert;
mod diff;
mod family_json;
mod fault;
mod fetch;
mod formats;
mod input;
mod inspect;
mod inspect_json;
mod inspect_table;
mod losses;
mod merge;
mod natives;
mod options;
mod output;
mod parse;
mod progress;
mod serve;
mod starts;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};
use crate::output::{Failure, Outcome};

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Parse(options) => parse::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Convert(options) => convert::run(&options),
        Command::Diff(options) => diff::run(&options),
        Command::Merge(options) => merge::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Compact(options) => compact::run(&options),
    };
    match done {
        Ok(Outcome::Sound) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(1),
        Ok(Outcome::Unread) => ExitCode::from(2),
        Err(Failure(message)) => {
            output::complain(&message);
            ExitCode::from(2)
        }
    }
}
