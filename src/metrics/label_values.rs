//! What names a child: an array of texts, a tuple of values, or a struct of them.

use std::borrow::Cow;
use std::sync::Arc;

/// One value of a label; shown without allocating.
///
/// Texts, integers, `bool` and `char` are such values. For an enum it is derived
/// (feature `derive`): the text of a variant is its name in `snake_case`, or as
/// `#[label(rename_all = "…")]` and `#[label(rename = "…")]` say. The cases are
/// those of serde: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`,
/// `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`.
/// Two variants of one text do not compile. `#[label(crate = "…")]` names this
/// library where it has another name.
#[cfg_attr(
    feature = "derive",
    doc = r##"
```
use narthex::{Counter, LabelValue};

#[derive(LabelValue)]
#[label(rename_all = "UPPERCASE")]
enum Method {
    Get,
    #[label(rename = "other")]
    Anything,
}

let requests = Counter::builder("requests", "By method.").labels(["method"]).build()?;
requests.labels((Method::Get,)).inc();
requests.labels((Method::Anything,)).inc();
assert_eq!(requests.labels(["GET"]).get(), 1.0);
assert_eq!(requests.labels(["other"]).get(), 1.0);
assert_eq!(Method::VALUES, ["GET", "other"]);
# Ok::<(), narthex::Error>(())
```
"##
)]
///
/// By hand it is a text, for values of any kind:
///
/// ```
/// use narthex::{Counter, LabelValue};
///
/// enum Method { Get, Post }
///
/// impl LabelValue for Method {
///     type Buffer = ();
///
///     fn text<'a>(&'a self, _: &'a mut ()) -> &'a str {
///         match self {
///             Self::Get => "GET",
///             Self::Post => "POST",
///         }
///     }
/// }
///
/// let replies = Counter::builder("replies", "By method and code.")
///     .labels(["method", "code"])
///     .build()?;
/// replies.labels((Method::Get, 200)).inc();
/// replies.labels((Method::Post, 201)).inc();
/// assert_eq!(replies.labels(["GET", "200"]).get(), 1.0);
/// # Ok::<(), narthex::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a label value",
    note = "an enum whose variants have no fields derives `LabelValue`; a type that is shown as \
            a text implements it by hand"
)]
pub trait LabelValue {
    /// Room to write the value into, where it is not a text already.
    type Buffer: Default;

    /// The texts of all values there are, if they are few and known beforehand,
    /// as those of an enum or of `bool`; such a value is *closed*. Empty if not.
    ///
    /// A [set](crate::LabelSet) of closed values finds its children by number.
    const VALUES: &'static [&'static str] = &[];

    /// The value as text.
    fn text<'a>(&'a self, buffer: &'a mut Self::Buffer) -> &'a str;

    /// Where the text of a closed value stands among [`VALUES`](Self::VALUES);
    /// nobody asks it of another. One that is wrong counts for another value.
    #[inline]
    fn index(&self) -> usize {
        0
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    type Buffer = T::Buffer;

    const VALUES: &'static [&'static str] = T::VALUES;

    fn text<'a>(&'a self, buffer: &'a mut Self::Buffer) -> &'a str {
        (**self).text(buffer)
    }

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }
}

macro_rules! texts {
    ($($text:ty)*) => {
        $(impl LabelValue for $text {
            type Buffer = ();

            fn text<'a>(&'a self, _: &'a mut ()) -> &'a str {
                self
            }
        })*
    };
}

texts!(str String Arc<str> Box<str> Cow<'_, str>);

macro_rules! integers {
    ($($integer:ty)*) => {
        $(impl LabelValue for $integer {
            type Buffer = itoa::Buffer;

            fn text<'a>(&'a self, buffer: &'a mut itoa::Buffer) -> &'a str {
                buffer.format(*self)
            }
        })*
    };
}

integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl LabelValue for bool {
    type Buffer = ();

    const VALUES: &'static [&'static str] = &["false", "true"];

    fn text<'a>(&'a self, _: &'a mut ()) -> &'a str {
        if *self { "true" } else { "false" }
    }

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }
}

impl LabelValue for char {
    type Buffer = [u8; 4];

    fn text<'a>(&'a self, buffer: &'a mut [u8; 4]) -> &'a str {
        self.encode_utf8(buffer)
    }
}

/// The values that name a child, as many as its family has labels: an array of
/// texts, a tuple of [`LabelValue`]s, or a struct that derives
/// [`LabelSet`](crate::LabelSet).
///
/// ```
/// use narthex::Counter;
///
/// let replies = Counter::builder("replies", "By method and code.")
///     .labels(["method", "code"])
///     .build()?;
/// replies.labels(["GET", "200"]).inc();
/// replies.labels(("GET", 200_u16)).inc();
/// assert_eq!(replies.labels(["GET", "200"]).get(), 2.0);
/// # Ok::<(), narthex::Error>(())
/// ```
pub trait LabelValues<const N: usize> {
    /// Calls `f` with the values as texts.
    fn with<R>(&self, f: impl FnOnce(&[&str; N]) -> R) -> R;
}

impl<S: AsRef<str>, const N: usize> LabelValues<N> for [S; N] {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&[&str; N]) -> R) -> R {
        f(&std::array::from_fn(|place| self[place].as_ref()))
    }
}

impl<V: LabelValues<N> + ?Sized, const N: usize> LabelValues<N> for &V {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&[&str; N]) -> R) -> R {
        (**self).with(f)
    }
}

macro_rules! tuples {
    ($($count:literal: $($value:ident $place:tt),*;)*) => {
        $(impl<$($value: LabelValue),*> LabelValues<$count> for ($($value,)*) {
            #[inline]
            fn with<R>(&self, f: impl FnOnce(&[&str; $count]) -> R) -> R {
                f(&[$(self.$place.text(&mut $value::Buffer::default())),*])
            }
        })*
    };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
