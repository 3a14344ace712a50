//! The program `narthex`: merges, serves, inspects and compacts a directory of metrics that processes share.

mod compact;
mod inspect;
mod inspect_json;
mod inspect_table;
mod merge;
mod options;
mod output;
mod progress;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};
use crate::output::{Failure, Outcome};

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Merge(options) => merge::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Compact(options) => compact::run(&options),
    };
    match done {
        Ok(Outcome::Sound) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(1),
        Err(Failure(message)) => {
            output::complain(&message);
            ExitCode::from(2)
        }
    }
}
