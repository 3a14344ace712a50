//! A struct as a set of labels: each field is one.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Ident, Lifetime, Result};

use crate::attributes::{ContainerAttributes, refuse_twins, text_of};
use crate::case::Case;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
            _ => return Err(Error::new_spanned(&input.ident, NEEDS_NAMES)),
        },
        _ => return Err(Error::new_spanned(&input.ident, NEEDS_A_STRUCT)),
    };
    for parameter in &input.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            return Err(Error::new_spanned(
                parameter,
                "a set of labels has no parameters but lifetimes: name the type of the field",
            ));
        }
    }
    let ContainerAttributes { narthex, case } =
        ContainerAttributes::read(&input.attrs, Case::AsWritten)?;
    let mut named: Vec<(&Ident, String)> = Vec::with_capacity(fields.len());
    for field in fields {
        if let Some(name) = &field.ident {
            named.push((name, text_of(name, &field.attrs, case)?));
        }
    }
    refuse_twins(&named)?;

    let name = &input.ident;
    let (generics, arguments, conditions) = input.generics.split_for_impl();
    let forever = input.generics.lifetimes().map(|_| Lifetime::new("'static", Span::call_site()));
    let count = named.len();
    let labels = named.iter().map(|(_, label)| label);
    // At the type of the field, so that a type which is no label value is shown.
    let texts = fields.iter().zip(&named).map(|(field, (name, _))| {
        quote_spanned! { field.ty.span() =>
            #narthex::LabelValue::text(&self.#name, &mut ::core::default::Default::default())
        }
    });
    let values = fields.iter().map(|field| {
        let ty = &field.ty;
        quote_spanned! { ty.span() => <#ty as #narthex::LabelValue>::VALUES }
    });
    let steps = fields.iter().zip(&named).map(|(field, (name, _))| {
        let ty = &field.ty;
        quote_spanned! { ty.span() =>
            index = index * <#ty as #narthex::LabelValue>::VALUES.len()
                + #narthex::LabelValue::index(&self.#name);
        }
    });
    Ok(quote! {
        impl #generics #narthex::LabelValues<#count> for #name #arguments #conditions {
            #[inline]
            fn with<__R>(&self, f: impl ::core::ops::FnOnce(&[&str; #count]) -> __R) -> __R {
                f(&[#(#texts),*])
            }
        }

        impl #generics #narthex::LabelSet for #name #arguments #conditions {
            type Static = #name<#(#forever),*>;
            type Names = [&'static str; #count];

            const NAMES: Self::Names = [#(#labels),*];
            const VALUES: &'static [&'static [&'static str]] = &[#(#values),*];

            #[inline]
            fn with<__R>(&self, f: impl ::core::ops::FnOnce(&[&str; #count]) -> __R) -> __R {
                #narthex::LabelValues::<#count>::with(self, f)
            }

            #[inline]
            fn index(&self) -> usize {
                let mut index = 0;
                #(#steps)*
                index
            }
        }
    })
}

const NEEDS_A_STRUCT: &str =
    "`LabelSet` is derived for a struct: an enum of values derives `LabelValue`";

const NEEDS_NAMES: &str =
    "a set of labels is a struct with a named field for each label, and at least one";
