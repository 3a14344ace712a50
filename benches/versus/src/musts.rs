//! What must hold, and what was seen of it: the summary.

use crate::harness::Who;
use crate::peers;
use crate::report::{Report, Row, line, number, times};
use crate::rows::{
    children, closed, counter, files, gauge, histogram, lookup, memory, scraper, text,
};
use crate::run::{Heading, THREADS, threads_row};

/// What must be true of a row of narthex.
enum Must {
    /// So many times as fast as another.
    Beat(f64, Rival),
    /// No slower than another.
    Match(Rival),
    /// No more than so much slower than another row of narthex.
    Within(f64, String),
    /// A number that is not reached.
    Below(f64),
}

/// Whom narthex is held against.
#[derive(Clone, Copy)]
enum Rival {
    BestPeer,
    Of(Who),
}

/// What two measurements of the same may differ by.
const SAME: f64 = 1.1;

/// Every must: of which row, and what.
fn all() -> Vec<(Heading, String, Must)> {
    use Must::{Beat, Below, Match, Within};
    use Rival::{BestPeer, Of};

    let at = |threads| threads_row("", threads);
    let mut musts = vec![(counter::WHOLE, at(1), Beat(6.0, Of(peers::PROMETHEUS)))];
    for threads in [2, 4] {
        musts.push((counter::WHOLE, at(threads), Within(1.3, at(1))));
        musts.push((counter::WHOLE, at(threads), Beat(15.0, Of(peers::PROMETHEUS))));
    }
    musts.push((counter::FRACTIONS, at(2), Beat(10.0, BestPeer)));
    musts.extend(THREADS.map(|threads| (gauge::SET, at(threads), Match(BestPeer))));
    musts.extend([2, 4].map(|threads| (gauge::INC, at(threads), Within(1.3, at(1)))));
    for buckets in ["11 buckets", "30 buckets"] {
        for (threads, faster) in [(1, 3.0), (2, 10.0)] {
            let row = threads_row(buckets, threads);
            musts.push((histogram::OBSERVE, row, Beat(faster, Of(peers::PROMETHEUS_CLIENT))));
        }
    }
    musts.push((histogram::TIMER, at(1), Beat(2.0, Of(peers::PROMETHEUS))));
    for (_, children) in lookup::CHILDREN {
        for (threads, faster) in [(1, 2.5), (2, 8.0)] {
            let row = threads_row(children, threads);
            musts.push((lookup::RUNTIME, row, Beat(faster, Of(peers::PROMETHEUS))));
        }
    }
    musts.extend(
        [1, 2].map(|threads| (closed::CLOSED, threads_row(closed::CHILDREN, threads), Below(2.0))),
    );
    musts.push((children::TIME, children::ROW.to_owned(), Match(Of(peers::MEASURED))));
    for (row, _) in text::AMOUNTS {
        musts.push((text::COUNTERS, row.to_owned(), Beat(5.0, BestPeer)));
    }
    musts.push((text::HISTOGRAMS, text::TEXT.to_owned(), Beat(4.0, BestPeer)));
    musts.push((text::GZIPPED, text::GZIP.to_owned(), Beat(3.0, BestPeer)));
    musts.push((memory::COUNTER, at(1), Below(100.0)));
    musts.push((memory::HISTOGRAM, at(1), Below(300.0)));
    let atomic = Who::Limit("relaxed fetch_add");
    musts.extend(THREADS.map(|threads| (files::INC, at(threads), Match(Of(atomic)))));
    for [alone, under] in scraper::ROWS {
        musts.push((scraper::WRITER, under.to_owned(), Within(1.2, alone.to_owned())));
    }
    musts
}

impl Rival {
    fn of(self, row: &Row) -> Option<(&'static str, f64)> {
        match self {
            Self::BestPeer => row.best_peer(),
            Self::Of(who) => row.of(who).map(|value| (who.name(), value)),
        }
    }

    fn says(self) -> String {
        match self {
            Self::BestPeer => "the best peer".to_owned(),
            Self::Of(who) => format!("`{}`", who.name()),
        }
    }
}

impl Must {
    fn says(&self) -> String {
        match self {
            Self::Beat(faster, rival) => format!("{faster}x {}", rival.says()),
            Self::Match(rival) => format!("no slower than {}", rival.says()),
            Self::Within(more, row) => format!("within {:.0} % of {row}", (more - 1.0) * 100.0),
            Self::Below(most) => format!("below {most}"),
        }
    }

    /// What was seen, and whether it is as it must be.
    fn seen(&self, row: &Row, other: impl Fn(&str) -> Option<f64>) -> Option<(String, bool)> {
        let ours = row.narthex()?;
        let faster = |rival: &Rival, least: f64| {
            let (name, theirs) = rival.of(row)?;
            let ratio = theirs / ours;
            Some((format!("{} `{name}`", times(ratio)), ratio >= least))
        };
        match self {
            Self::Beat(least, rival) => faster(rival, *least),
            Self::Match(rival) => faster(rival, 1.0 / SAME),
            Self::Within(most, name) => {
                let more = ours / other(name)?;
                Some((format!("{:+.0} %", (more - 1.0) * 100.0), more <= *most))
            }
            Self::Below(most) => Some((number(ours), ours < *most)),
        }
    }
}

/// The summary: a line for each must whose row was measured.
pub fn summary(report: &Report) -> String {
    let mut table = line(&["", "narthex", "best peer", "must", "seen", ""]);
    table += "| --- | ---: | ---: | --- | ---: | --- |\n";
    for (heading, row, must) in all() {
        let Some(found) = report.row(heading.name, &row) else { continue };
        let other = |name: &str| report.row(heading.name, name).and_then(Row::narthex);
        let Some((seen, holds)) = must.seen(found, other) else { continue };
        let ours = found.narthex().map_or_else(String::new, number);
        let best = found.best_peer().map(|(name, value)| format!("{} `{name}`", number(value)));
        let name = format!("{}, {row} ({})", heading.name, heading.unit);
        let holds = if holds { "yes" } else { "**no**" };
        table +=
            &line(&[name, ours, best.unwrap_or_default(), must.says(), seen, holds.to_owned()]);
    }
    table
}
