//! An enum as a label value: its texts, and the place of each.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, Result};

use crate::attributes::{ContainerAttributes, refuse_twins, text_of};
use crate::case::Case;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`LabelValue` is derived for an enum: a struct of labels derives `LabelSet`, and any \
             other value implements `LabelValue` by hand",
        ));
    };
    let ContainerAttributes { narthex, case } =
        ContainerAttributes::read(&input.attrs, Case::Snake)?;
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "a label has at least one value"));
    }
    let mut named: Vec<(&Ident, String)> = Vec::with_capacity(data.variants.len());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                &variant.fields,
                "a variant with fields has no single text: implement `LabelValue` by hand",
            ));
        }
        named.push((&variant.ident, text_of(&variant.ident, &variant.attrs, case)?));
    }
    refuse_twins(&named)?;

    let name = &input.ident;
    let (generics, arguments, conditions) = input.generics.split_for_impl();
    let variants: Vec<_> = named.iter().map(|(variant, _)| variant).collect();
    let texts: Vec<_> = named.iter().map(|(_, text)| text).collect();
    let places = 0..named.len();
    Ok(quote! {
        impl #generics #narthex::LabelValue for #name #arguments #conditions {
            type Buffer = ();

            const VALUES: &'static [&'static str] = &[#(#texts),*];

            #[inline]
            fn text<'a>(&'a self, _: &'a mut ()) -> &'a str {
                match self {
                    #(Self::#variants => #texts,)*
                }
            }

            #[inline]
            fn index(&self) -> usize {
                match self {
                    #(Self::#variants => #places,)*
                }
            }
        }
    })
}
