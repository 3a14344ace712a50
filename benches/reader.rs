//! Reads a body again and again when it is told to, and says how long each time took.
#![allow(missing_docs)] // a program

use std::hint::black_box;
use std::io::{Write as _, stdin, stdout};
use std::time::Instant;

use narthex::Collector;
use narthex::for_each_family;
use narthex::model::MetricFamily;
use narthex::parser::{openmetrics, text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` asks every bench to run, with this argument.
    let [format, file] = args.as_slice() else {
        eprintln!("usage: reader text|openmetrics FILE, and a line for each time it is to be read");
        return Ok(());
    };
    let body = std::fs::read(file)?;
    let read = || match format.as_str() {
        "text" => text::parse_all(&body),
        _ => openmetrics::parse_all(&body),
    };
    writeln!(stdout(), "{}", samples(&read()?)?)?;
    for line in stdin().lines() {
        line?;
        let begun = Instant::now();
        drop(black_box(read()?));
        writeln!(stdout(), "{}", begun.elapsed().as_nanos())?;
    }
    Ok(())
}

fn samples(families: &Vec<MetricFamily>) -> narthex::Result<usize> {
    let mut samples = 0;
    for_each_family(families as &dyn Collector, &mut |family| {
        family.for_each_sample(&mut |_| samples += 1);
        Ok(())
    })?;
    Ok(samples)
}
