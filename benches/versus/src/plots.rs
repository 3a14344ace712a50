//! Cost against size, drawn as SVG.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::harness::{Candidate, Pace, Seen, Who, measure, spread_until_all};
use crate::inputs::{LABELS, label_values};
use crate::pages::{self, Amounts, Page};
use crate::peers;
use crate::rows::{lookup, text};

const WIDTH: u32 = 860;
/// Room for the names of the lines.
const NAMES: u32 = 170;

/// Beyond this many children peers would take minutes, or gigabytes.
const MOST_OF_PEERS: usize = 100_000;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures and draws all plots.
///
/// Nothing of narthex is freed: what is measured later in this process is to
/// find memory as fresh as it would be otherwise.
pub fn draw(pace: Pace, dir: &Path) -> Outcome {
    fs::create_dir_all(dir)?;
    scrape_against_threads(pace)?.save(&dir.join("scrape-threads.svg"))?;
    text_against_series(pace)?.save(&dir.join("text-series.svg"))?;
    look_up_against_children(pace)?.save(&dir.join("look-up-children.svg"))
}

fn scrape_against_threads(pace: Pace) -> Outcome<Plot> {
    let mut plot = Plot::new(
        "A scrape of 10,000 counters with 3 labels",
        "threads that have written to all of them",
        "nanoseconds a series",
        2.0,
    );
    let series = if pace.is_quick() { 100 } else { 10_000 };
    let values = label_values(series);
    let registry = narthex::CollectorRegistry::new();
    let builder = narthex::Counter::builder("http_requests", "Requests answered.");
    let vec = builder.labels(LABELS).register(&registry)?;
    let mut pages = vec![Page::of_narthex(registry)];
    let peers = pages::counters(series, Amounts::Small);
    pages.extend(peers.into_iter().filter(|page| page.who != Who::Narthex));
    for threads in [1, 2, 4, 8, 16, 32, 64] {
        spread_until_all(threads, || {
            values.iter().for_each(|[method, path, code]| vec.labels([method, path, code]).inc());
        });
        let candidates: Vec<_> = pages.iter().map(text::writing).collect();
        plot.add(threads, series, measure(pace.halved(), 1, &candidates)?);
    }
    std::mem::forget((pages, vec));
    Ok(plot)
}

fn text_against_series(pace: Pace) -> Outcome<Plot> {
    let mut plot =
        Plot::new("Text of counters with 3 labels", "series", "nanoseconds a series", 10.0);
    let sizes = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
    for series in sizes.into_iter().take(if pace.is_quick() { 2 } else { sizes.len() }) {
        let pages = if series <= MOST_OF_PEERS {
            pages::counters(series, Amounts::Small)
        } else {
            vec![pages::our_counters(&label_values(series), Amounts::Small)]
        };
        let bytes = pages[0].text();
        let mut candidates: Vec<_> = pages.iter().map(text::writing).collect();
        candidates.push(text::copying(&bytes));
        plot.add(series, series, measure(pace.halved(), 1, &candidates)?);
        drop(candidates);
        std::mem::forget(pages);
    }
    Ok(plot)
}

fn look_up_against_children(pace: Pace) -> Outcome<Plot> {
    let mut plot = Plot::new(
        "Look-up of 3 label values that are made while the program runs, and an inc",
        "children",
        "nanoseconds",
        10.0,
    );
    let sizes = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
    for children in sizes.into_iter().take(if pace.is_quick() { 3 } else { sizes.len() }) {
        let values = label_values(children);
        let candidates: Vec<Candidate<'_>> = if children <= MOST_OF_PEERS {
            lookup::candidates(&values)
        } else {
            lookup::without_peers(&values)
        };
        plot.add(children, 1, measure(pace.halved(), 1, &candidates)?);
        std::mem::forget(candidates);
    }
    Ok(plot)
}

/// Lines over a size, both axes logarithmic.
struct Plot {
    title: &'static str,
    size: &'static str,
    cost: &'static str,
    /// What the sizes are multiplied by from one label to the next.
    base: f64,
    lines: Vec<(Who, Vec<(f64, f64)>)>,
}

impl Plot {
    fn new(title: &'static str, size: &'static str, cost: &'static str, base: f64) -> Self {
        Self { title, size, cost, base, lines: Vec::new() }
    }

    /// What was seen at a size, for each of so many things that were done at once.
    fn add(&mut self, size: usize, things: usize, seen: Vec<Seen>) {
        eprintln!("{}: {size} {}", self.title, self.size);
        for Seen { who, value } in seen.into_iter().map(|seen| seen.per(things)) {
            let at = self.lines.iter().position(|line| line.0 == who).unwrap_or_else(|| {
                self.lines.push((who, Vec::new()));
                self.lines.len() - 1
            });
            self.lines[at].1.push((size as f64, value));
        }
    }

    fn save(&self, path: &Path) -> Outcome {
        let points = || self.lines.iter().flat_map(|line| &line.1);
        let largest = points().fold(1.0_f64, |most, point| most.max(point.0));
        let smallest = points().fold(largest, |least, point| least.min(point.0));
        let dearest = points().fold(1.0_f64, |most, point| most.max(point.1));
        let cheapest = points().fold(dearest, |least, point| least.min(point.1));
        let decade = |cost: f64| 10.0_f64.powf(cost);

        let area = SVGBackend::new(path, (WIDTH, 480)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(14)
            .margin_right(NAMES)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (smallest..largest * 1.05).log_scale().base(self.base),
                (decade(cheapest.log10().floor())..decade(dearest.log10().ceil())).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.size)
            .y_desc(self.cost)
            .x_label_formatter(&|size| thousands(*size))
            .y_label_formatter(&|cost| thousands(*cost))
            .light_line_style(WHITE)
            .draw()?;
        // The names stand beside the lines, where they hide none.
        let beside = (WIDTH - NAMES) as i32;
        for (at, (who, points)) in self.lines.iter().enumerate() {
            let width = if *who == Who::Narthex { 3 } else { 1 };
            let style = colour(*who).stroke_width(width);
            chart.draw_series(LineSeries::new(points.iter().copied(), style).point_size(2))?;
            let y = 60 + 20 * at as i32;
            area.draw(&PathElement::new([(beside + 12, y), (beside + 32, y)], style))?;
            area.draw(&Text::new(who.name(), (beside + 38, y - 6), ("sans-serif", 13)))?;
        }
        area.present()?;
        Ok(())
    }
}

/// The same in each plot.
fn colour(who: Who) -> RGBColor {
    let Who::Peer(name) = who else {
        let is_ours = who == Who::Narthex;
        return if is_ours { RGBColor(200, 30, 30) } else { RGBColor(120, 120, 120) };
    };
    let colours = [
        RGBColor(31, 119, 180),
        RGBColor(255, 127, 14),
        RGBColor(44, 160, 44),
        RGBColor(148, 103, 189),
        RGBColor(140, 86, 75),
        RGBColor(23, 190, 207),
    ];
    let at = peers::ALL.iter().position(|peer| *peer == name);
    colours[at.unwrap_or_default() % colours.len()]
}

/// A power of ten, or a size, with commas.
fn thousands(size: f64) -> String {
    if size < 1.0 {
        return size.to_string();
    }
    let digits = format!("{size:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
