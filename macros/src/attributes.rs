//! What `#[label(…)]` says.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::{Attribute, Ident, LitStr, Path, Result, parse_quote};

use crate::case::Case;

/// What stands on an enum or a struct.
pub(crate) struct ContainerAttributes {
    pub(crate) narthex: Path,
    pub(crate) case: Case,
}

impl ContainerAttributes {
    pub(crate) fn read(attributes: &[Attribute], default: Case) -> Result<Self> {
        let mut read = Self { narthex: parse_quote!(::narthex), case: default };
        for attribute in labels(attributes) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename_all") {
                    read.case = Case::of(&meta.value()?.parse()?)?;
                } else if meta.path.is_ident("crate") {
                    read.narthex = meta.value()?.parse::<LitStr>()?.parse()?;
                } else {
                    return Err(meta.error(
                        "known here are `rename_all = \"…\"` and `crate = \"…\"`; `rename` \
                         stands at a variant or a field",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}

/// The text of a variant or a field: the one it is given, or its name in the
/// case of its container.
pub(crate) fn text_of(name: &Ident, attributes: &[Attribute], case: Case) -> Result<String> {
    let mut text = None;
    for attribute in labels(attributes) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("rename") {
                return Err(meta.error("known here is `rename = \"…\"`"));
            }
            let given = meta.value()?.parse::<LitStr>()?.value();
            if text.replace(given).is_some() {
                return Err(meta.error("one `rename` is enough"));
            }
            Ok(())
        })?;
    }
    Ok(text.unwrap_or_else(|| case.write(&name.unraw().to_string())))
}

/// Refuses a text that stands twice, at the second of its names.
pub(crate) fn refuse_twins(named: &[(&Ident, String)]) -> Result<()> {
    let mut first = HashMap::new();
    for (name, text) in named {
        if let Some(other) = first.insert(text, name) {
            let message =
                format!("{text:?} stands for `{other}` already: give one of them a `rename`");
            return Err(syn::Error::new_spanned(name, message));
        }
    }
    Ok(())
}

fn labels(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("label"))
}
