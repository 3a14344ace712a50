//! Which names are taken, and by whom.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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

enum Owner {
    Collector(CollectorId, Arc<str>),
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
            clashing.sort();
            clashing.dedup();
            let message =
                format!("families of one collector have names in common: {}", clashing.join(", "));
            return Err(Error::duplicate(message, clashing));
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort();
        Ok(wanted)
    }

    /// Takes all of these names, or none and says which are taken.
    pub(super) fn take(&mut self, wanted: &[String], id: CollectorId, title: &Arc<str>) -> Result {
        self.refuse_taken(wanted, &format!("collector {title:?}"))?;
        let owner = || Owner::Collector(id, title.clone());
        self.owners.extend(wanted.iter().map(|name| (name.clone(), owner())));
        Ok(())
    }

    /// Says which of these names are taken, and by whom, if any is.
    pub(super) fn refuse_taken<S: AsRef<str>>(&self, wanted: &[S], who: &str) -> Result {
        let taken = wanted.iter().map(AsRef::as_ref).filter(|name| self.owners.contains_key(*name));
        let taken: Vec<String> = taken.map(str::to_owned).collect();
        if taken.is_empty() { Ok(()) } else { Err(self.clash(taken, who)) }
    }

    /// An error that says of each name who has it.
    pub(super) fn clash(&self, mut names: Vec<String>, who: &str) -> Error {
        names.sort();
        names.dedup();
        let said: Vec<_> = names
            .iter()
            .map(|name| match self.owners.get(name) {
                Some(Owner::Collector(_, title)) if **title != **name => {
                    format!("{name} (of {title:?})")
                }
                Some(Owner::Registry) => format!("{name} (of the registry)"),
                Some(Owner::Collector(..)) | None => name.clone(),
            })
            .collect();
        let message = format!("{who} would take names that are taken: {}", said.join(", "));
        Error::duplicate(message, names)
    }

    /// Keeps names for what the registry tells of itself.
    pub(super) fn keep_for_registry(&mut self, names: &[String]) {
        self.owners.extend(names.iter().map(|name| (name.clone(), Owner::Registry)));
    }

    pub(super) fn take_target_info(&mut self) -> Result {
        self.refuse_taken(&TargetInfo::NAMES, "the target info")?;
        self.keep_for_registry(&TargetInfo::NAMES.map(str::to_owned));
        Ok(())
    }

    pub(super) fn give_back<S: AsRef<str>>(&mut self, names: &[S]) {
        for name in names {
            self.owners.remove(name.as_ref());
        }
    }

    pub(super) fn owner(&self, name: &str) -> Option<CollectorId> {
        match self.owners.get(name) {
            Some(Owner::Collector(id, _)) => Some(*id),
            Some(Owner::Registry) | None => None,
        }
    }

    /// The names that a family not announced beforehand would take from others.
    pub(super) fn taken_from_others(&self, names: &[String], id: CollectorId) -> Vec<String> {
        let is_other = |name: &&String| match self.owners.get(*name) {
            Some(Owner::Collector(owner, _)) => *owner != id,
            Some(Owner::Registry) => true,
            None => false,
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
