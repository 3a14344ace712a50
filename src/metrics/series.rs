//! One series: its labels, its number, and when it began.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::instrument::Instrument;
use crate::cell::Home;
use crate::collector::SharedDirectory;
use crate::model::escape::push_escaped;
use crate::model::{Desc, LabelNames, RowLabels, Suffix};
#[cfg(feature = "multiprocess")]
use crate::multiprocess::MultiprocessStore;

/// What all series of one metric share.
pub struct Schema<M: Instrument> {
    pub(super) desc: Desc,
    pub(super) names: LabelNames,
    pub(super) settings: M::Settings,
    #[cfg(feature = "multiprocess")]
    pub(super) store: Option<MultiprocessStore>,
}

impl<M: Instrument> Schema<M> {
    /// Whether a metric of the other schema would be the same as one of this.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.desc == other.desc
            && self.names == other.names
            && self.settings == other.settings
            && self.shared_directory() == other.shared_directory()
    }

    /// Where a number of a new series is to live: `suffix` names its sample,
    /// `extra` is the label that the type adds.
    #[cfg(feature = "multiprocess")]
    pub(super) fn home(
        &self,
        suffix: Suffix,
        values: &[&str],
        extra: Option<(&str, &str)>,
    ) -> Home {
        let Some(store) = &self.store else { return Home::Memory };
        let name = self.desc.name();
        let labels: Vec<_> =
            self.names.declared().zip(values.iter().copied()).chain(extra).collect();
        let sample = format!("{name}{}", suffix.as_str());
        let file = M::file(&self.settings);
        file.and_then(|file| store.cell(file, name, &sample, &labels, self.desc.help()))
            .map_or(Home::Memory, Home::Mapped)
    }

    #[cfg(not(feature = "multiprocess"))]
    pub(super) fn home(&self, _: Suffix, _: &[&str], _: Option<(&str, &str)>) -> Home {
        Home::Memory
    }

    pub(super) fn shared_directory(&self) -> Option<SharedDirectory> {
        #[cfg(feature = "multiprocess")]
        if let Some(store) = &self.store {
            return Some(SharedDirectory::Writes(store.dir().to_owned()));
        }
        None
    }
}

/// A series of the metric `M`; handles share it.
pub struct Series<M: Instrument> {
    pub(super) schema: Arc<Schema<M>>,
    pub(super) cell: M::Cell,
    labels: LabelText,
    created: AtomicU64,
    /// Where the series stands among its siblings, in the order of creation.
    pub(super) place: u64,
    pub(super) hash: u64,
}

impl<M: Instrument> Series<M> {
    pub(super) fn new(schema: &Arc<Schema<M>>, values: &[&str], place: u64, hash: u64) -> Self {
        Self {
            cell: M::new_cell(schema, values),
            labels: LabelText::new(&schema.names, values),
            schema: schema.clone(),
            created: AtomicU64::new(now().to_bits()),
            place,
            hash,
        }
    }

    /// Whether these are the values of the labels, in the order of declaration.
    pub(super) fn is_named(&self, values: &[&str]) -> bool {
        self.labels.equals(&self.schema.names, values)
    }

    /// The raw values of the labels, in the order of declaration.
    pub(super) fn label_values(&self) -> Vec<String> {
        let mut values = vec![String::new(); self.schema.names.len()];
        for (value, &place) in self.labels.escaped_values().zip(self.schema.names.declared_at()) {
            values[place] = crate::model::escape::unescape(value).into_owned();
        }
        values
    }

    pub(super) fn row_labels(&self) -> RowLabels<'_> {
        RowLabels::Escaped {
            text: &self.labels.text,
            lens: &self.labels.lens,
            escaped: self.labels.escaped,
        }
    }

    pub(super) fn text_len(&self) -> usize {
        self.labels.text.len()
    }

    pub(super) fn created(&self) -> f64 {
        f64::from_bits(self.created.load(Ordering::Relaxed))
    }

    pub(super) fn restart(&self) {
        self.created.store(now().to_bits(), Ordering::Relaxed);
    }
}

impl<M: Instrument> fmt::Debug for Series<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Series");
        debug.field("name", &self.schema.desc.name());
        for (name, value) in self.schema.names.declared().zip(self.label_values()) {
            debug.field(name, &value);
        }
        debug.finish_non_exhaustive()
    }
}

impl<M: Instrument> fmt::Debug for Schema<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("desc", &self.desc)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Label values, escaped once, in the order of exposition.
pub(super) struct LabelText {
    text: Box<str>,
    lens: Box<[u32]>,
    escaped: bool,
}

impl LabelText {
    fn new(names: &LabelNames, values: &[&str]) -> Self {
        let mut text = String::with_capacity(values.iter().map(|value| value.len()).sum());
        let mut lens = Vec::with_capacity(values.len());
        let mut escaped = false;
        for &place in names.declared_at() {
            let from = text.len();
            escaped |= push_escaped(&mut text, values[place]);
            lens.push((text.len() - from) as u32);
        }
        Self { text: text.into(), lens: lens.into(), escaped }
    }

    fn escaped_values(&self) -> impl Iterator<Item = &str> {
        let mut rest = &*self.text;
        self.lens.iter().map(move |&len| {
            let (value, tail) = rest.split_at(len as usize);
            rest = tail;
            value
        })
    }

    fn equals(&self, names: &LabelNames, values: &[&str]) -> bool {
        self.escaped_values().zip(names.declared_at()).all(|(value, &place)| {
            if self.escaped {
                is_escaped_form(value, values[place])
            } else {
                value == values[place]
            }
        })
    }
}

/// Whether `escaped` is how `raw` is written; without writing it.
fn is_escaped_form(escaped: &str, raw: &str) -> bool {
    let mut left = escaped.bytes();
    for byte in raw.bytes() {
        let (first, second) = match byte {
            b'\\' => (b'\\', Some(b'\\')),
            b'\n' => (b'\\', Some(b'n')),
            b'"' => (b'\\', Some(b'"')),
            other => (other, None),
        };
        if left.next() != Some(first) || second.is_some_and(|second| left.next() != Some(second)) {
            return false;
        }
    }
    left.next().is_none()
}
