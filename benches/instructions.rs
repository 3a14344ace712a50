//! Repeats one operation, so that its instructions can be counted: see `ci/instructions.sh`.
#![allow(missing_docs)] // a program

use std::hint::black_box;

use narthex::{Counter, Gauge, Histogram, LabelSet, LabelValue, NativeOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let times = args.get(1).and_then(|times| times.parse::<usize>().ok());
    // `cargo bench` asks every bench to run, with arguments of its own.
    let (Some(operation), Some(times)) = (args.first(), times) else {
        eprintln!("usage: instructions OPERATION TIMES");
        return Ok(());
    };
    match operation.as_str() {
        "counter-inc" => {
            let counter = Counter::builder("c", "").build()?;
            (0..times).for_each(|_| black_box(&counter).inc());
            assert_eq!(counter.get(), times as f64);
        }
        "counter-add-fraction" => {
            let counter = Counter::builder("c", "").build()?;
            (0..times).for_each(|_| black_box(&counter).inc_by(black_box(0.5)));
            assert_eq!(counter.get(), times as f64 * 0.5);
        }
        "gauge-set" => {
            let gauge = Gauge::builder("g", "").build()?;
            (0..times).for_each(|_| black_box(&gauge).set(black_box(0.5)));
            assert_eq!(gauge.get(), 0.5);
        }
        "gauge-inc" => {
            let gauge = Gauge::builder("g", "").build()?;
            (0..times).for_each(|_| black_box(&gauge).inc());
            assert_eq!(gauge.get(), times as f64);
        }
        "histogram-observe" => {
            let histogram = Histogram::builder("h", "").build()?;
            (0..times).for_each(|_| black_box(&histogram).observe(black_box(0.3)));
            assert_eq!(histogram.snapshot().count(), times as f64);
        }
        "native-histogram-observe" => {
            let options = NativeOptions::new();
            let histogram = Histogram::builder("h", "").native(options).build()?;
            let values: Vec<f64> = (1..=64).map(|n| f64::from(n) * 0.01).collect();
            for value in values.iter().cycle().take(times) {
                black_box(&histogram).observe(black_box(*value));
            }
            assert_eq!(histogram.snapshot().count(), times as f64);
        }
        "look-up-and-inc" => look_up(times)?,
        "new-child" => new_children(times)?,
        "look-up-closed-and-inc" => look_up_closed(times)?,
        _ => return Err(format!("there is no operation {operation}").into()),
    }
    Ok(())
}

/// In turn, a hundred children of three label values that are made while the program runs.
fn look_up(times: usize) -> narthex::Result {
    let vec = Counter::builder("c", "").labels(["method", "path", "code"]).build()?;
    let values: Vec<_> = (0..100)
        .map(|n| ["GET".to_owned(), format!("/api/v1/items/{n:05}"), "200".to_owned()])
        .collect();
    for [method, path, code] in values.iter().cycle().take(times) {
        black_box(&vec).labels([method, path, code]).inc();
    }
    let all: f64 = values.iter().map(|values| vec.labels(values.each_ref()).get()).sum();
    assert_eq!(all, times as f64);
    Ok(())
}

/// Three label values each, one of which no other child has.
fn new_children(times: usize) -> narthex::Result {
    let vec = Counter::builder("c", "").labels(["method", "path", "code"]).build()?;
    let mut path = *b"/api/v1/items/00000";
    for mut n in 0..times {
        for digit in path[14..].iter_mut().rev() {
            *digit = b'0' + (n % 10) as u8;
            n /= 10;
        }
        let path = std::str::from_utf8(&path).unwrap_or_default();
        vec.labels(["GET", path, "200"]).inc();
    }
    assert_eq!(vec.len(), times);
    Ok(())
}

#[derive(Clone, Copy, LabelValue)]
enum Method {
    Get,
    Post,
}

#[derive(Clone, Copy, LabelSet)]
struct Request {
    method: Method,
    cached: bool,
}

/// In turn, the four children that there can be.
fn look_up_closed(times: usize) -> narthex::Result {
    let vec = Counter::builder("c", "").labels_of::<Request>().build()?;
    let [get, post] = [Method::Get, Method::Post];
    let values = [(get, false), (get, true), (post, false), (post, true)]
        .map(|(method, cached)| Request { method, cached });
    for request in values.iter().cycle().take(times) {
        black_box(&vec).labels(black_box(request)).inc();
    }
    let all: f64 = values.iter().map(|request| vec.labels(request).get()).sum();
    assert_eq!(all, times as f64);
    Ok(())
}
