//! Which names are taken, and by whom.

use std::collections::{HashMap, HashSet};

use super::CollectorId;
use super::target_info::TargetInfo;
use crate::error::{Error, Result};
use crate::model::{Desc, EscapingScheme};

/// Names of families and samples with their owners.
///
/// A name that is not legal everywhere is claimed in its underscore form too,
/// so that two of them never meet on the wire.
#[derive(Default)]
pub(super) struct Claims {
    owners: HashMap<String, Owner>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Collector(CollectorId),
    Registry,
}

impl Claims {
    /// Every name that these families take, each once and sorted.
    ///
    /// Fails if two of the families take the same one.
    pub(super) fn wanted(descs: &[Desc]) -> Result<Vec<String>> {
        let mut wanted: HashSet<String> = HashSet::new();
        let mut clashing = Vec::new();
        for desc in descs {
            let claims = forms(desc);
            clashing.extend(claims.iter().filter(|name| wanted.contains(*name)).cloned());
            wanted.extend(claims);
        }
        if !clashing.is_empty() {
            return Err(clash(clashing, "this collector"));
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort();
        Ok(wanted)
    }

    /// Takes all of these names, or none and says which are taken.
    pub(super) fn take(&mut self, wanted: &[String], id: CollectorId, title: &str) -> Result {
        self.refuse_taken(wanted, title)?;
        self.owners.extend(wanted.iter().map(|name| (name.clone(), Owner::Collector(id))));
        Ok(())
    }

    /// Says which of these names are taken, if any is.
    pub(super) fn refuse_taken(&self, wanted: &[String], title: &str) -> Result {
        let taken: Vec<_> =
            wanted.iter().filter(|name| self.owners.contains_key(*name)).cloned().collect();
        if taken.is_empty() { Ok(()) } else { Err(clash(taken, &format!("collector {title:?}"))) }
    }

    /// Keeps names for what the registry tells of itself.
    pub(super) fn keep_for_registry(&mut self, names: &[String]) {
        self.owners.extend(names.iter().map(|name| (name.clone(), Owner::Registry)));
    }

    pub(super) fn take_target_info(&mut self) -> Result {
        let names = TargetInfo::NAMES.map(str::to_owned);
        let taken: Vec<_> =
            names.iter().filter(|name| self.owners.contains_key(*name)).cloned().collect();
        if !taken.is_empty() {
            return Err(clash(taken, "the target info"));
        }
        self.keep_for_registry(&names);
        Ok(())
    }

    pub(super) fn give_back<S: AsRef<str>>(&mut self, names: &[S]) {
        for name in names {
            self.owners.remove(name.as_ref());
        }
    }

    pub(super) fn owner(&self, name: &str) -> Option<CollectorId> {
        match self.owners.get(name) {
            Some(Owner::Collector(id)) => Some(*id),
            Some(Owner::Registry) | None => None,
        }
    }

    /// The names that a family not announced beforehand would take from others.
    pub(super) fn taken_from_others(&self, names: &[String], id: CollectorId) -> Vec<String> {
        let is_other = |name: &&String| {
            self.owners.get(*name).is_some_and(|owner| *owner != Owner::Collector(id))
        };
        names.iter().filter(is_other).cloned().collect()
    }
}

/// What a family claims: its names, and how they look with underscores.
pub(super) fn forms(desc: &Desc) -> Vec<String> {
    let mut forms = desc.claims();
    let escaped: Vec<_> = forms
        .iter()
        .map(|name| EscapingScheme::Underscores.metric_name(name).into_owned())
        .filter(|name| !forms.contains(name))
        .collect();
    forms.extend(escaped);
    forms
}

pub(super) fn clash(mut names: Vec<String>, who: &str) -> Error {
    names.sort();
    names.dedup();
    Error::duplicate(format!("{who} would take names that are taken: {}", names.join(", ")), names)
}
