//! narthex beside its peers: `cargo run --release --manifest-path benches/versus/Cargo.toml`.

mod args;
mod harness;
mod heap;
mod inputs;
mod machine;
mod musts;
mod pages;
mod peers;
mod plots;
mod report;
mod rows;
mod run;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use args::Args;
use harness::Pace;
use run::Run;

/// Between these, a file that has them is kept up to date.
const MARKERS: [&str; 2] = ["<!-- versus -->\n", "<!-- /versus -->\n"];

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("narthex-versus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let Some(args) = Args::parse()? else { return Ok(()) };
    let pace = if args.quick { Pace::QUICK } else { Pace::FULL };
    if let Some(dir) = &args.plots {
        plots::draw(pace, dir)?;
    }
    let watch = machine::Watch::begin();
    let mut run = Run::new(pace, args.rows);
    rows::all(&mut run)?;
    for group in &run.report.groups {
        println!("{}", group.markdown());
    }
    let others = watch.others().unwrap_or_default();
    let measured = format!("{} {others}", machine::description());
    let summary = format!("{measured}\n\n{}", musts::summary(&run.report));
    println!("### summary\n\n{summary}");
    if let Some(path) = &args.table {
        write(path, &summary)?;
    }
    Ok(())
}

/// Into the place that a file has for it, or as the whole file.
fn write(path: &Path, summary: &str) -> Result<(), Box<dyn Error>> {
    let old = fs::read_to_string(path).unwrap_or_default();
    let [begin, end] = MARKERS;
    let new = match (old.split_once(begin), old.split_once(end)) {
        (Some((before, _)), Some((_, after))) => {
            format!("{before}{begin}{summary}{end}{after}")
        }
        _ => summary.to_owned(),
    };
    Ok(fs::write(path, new)?)
}
