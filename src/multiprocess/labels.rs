//! Labels of series while files are merged: name lists checked once, and labels added and taken away.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::model::LabelNames;

/// The labels of one series: a list of names, and a value for each in the order of exposition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Labels {
    names: usize,
    values: Vec<Box<str>>,
}

impl Labels {
    /// The values as columns take them.
    pub(crate) fn raw(&self) -> Vec<&str> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}

/// Every list of label names that was met.
#[derive(Debug, Default)]
pub(crate) struct NameLists {
    lists: Vec<LabelNames>,
    by_names: HashMap<Vec<String>, usize>,
}

impl NameLists {
    /// The labels of a key.
    ///
    /// # Errors
    /// Those of [`LabelNames::new`].
    pub(crate) fn labels(&mut self, labels: BTreeMap<String, String>) -> Result<Labels> {
        let (names, values): (Vec<_>, Vec<_>) = labels.into_iter().unzip();
        let names = self.list(names)?;
        Ok(Labels { names, values: values.into_iter().map(Into::into).collect() })
    }

    pub(crate) fn names(&self, labels: &Labels) -> &LabelNames {
        &self.lists[labels.names]
    }

    pub(crate) fn has(&self, labels: &Labels, name: &str) -> bool {
        self.names(labels).place(name).is_ok()
    }

    pub(crate) fn without(&mut self, labels: &Labels, name: &str) -> Result<Labels> {
        let Ok(place) = self.names(labels).place(name) else { return Ok(labels.clone()) };
        let rest = self.names(labels).sorted().filter(|have| *have != name);
        let names = rest.map(str::to_owned).collect();
        let mut values = labels.values.clone();
        values.remove(place);
        Ok(Labels { names: self.list(names)?, values })
    }

    /// The labels with `name` set to `value`, whether it was there or not.
    pub(crate) fn with(&mut self, labels: &Labels, name: &str, value: &str) -> Result<Labels> {
        let mut labels = labels.clone();
        match self.names(&labels).place(name) {
            Ok(place) => labels.values[place] = value.into(),
            Err(place) => {
                let mut names: Vec<_> = self.names(&labels).sorted().map(str::to_owned).collect();
                names.insert(place, name.to_owned());
                labels.names = self.list(names)?;
                labels.values.insert(place, value.into());
            }
        }
        Ok(labels)
    }

    /// The number of a list of sorted names.
    fn list(&mut self, names: Vec<String>) -> Result<usize> {
        if let Some(&list) = self.by_names.get(&names) {
            return Ok(list);
        }
        self.lists.push(LabelNames::new(&names)?);
        let list = self.lists.len() - 1;
        self.by_names.insert(names, list);
        Ok(list)
    }
}
