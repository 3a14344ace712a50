//! The derive macros of [narthex](https://docs.rs/narthex), which re-exports
//! and describes them. This crate is not used by itself.

mod attributes;
mod case;
mod label_set;
mod label_value;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a label value of an enum: see `narthex::LabelValue`.
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn derive_label_value(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), label_value::expand)
}

/// Makes a set of labels of a struct: see `narthex::LabelSet`.
#[proc_macro_derive(LabelSet, attributes(label))]
pub fn derive_label_set(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), label_set::expand)
}

fn expand(
    input: DeriveInput,
    by: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    by(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
