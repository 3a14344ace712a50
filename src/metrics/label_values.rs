//! What names a child: an array of texts, or a tuple of values.

use std::borrow::Cow;
use std::sync::Arc;

/// One value of a label; shown without allocating.
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
pub trait LabelValue {
    /// Room to write the value into, where it is not a text already.
    type Buffer: Default;

    /// The value as text.
    fn text<'a>(&'a self, buffer: &'a mut Self::Buffer) -> &'a str;
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    type Buffer = T::Buffer;

    fn text<'a>(&'a self, buffer: &'a mut Self::Buffer) -> &'a str {
        (**self).text(buffer)
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

    fn text<'a>(&'a self, _: &'a mut ()) -> &'a str {
        if *self { "true" } else { "false" }
    }
}

impl LabelValue for char {
    type Buffer = [u8; 4];

    fn text<'a>(&'a self, buffer: &'a mut [u8; 4]) -> &'a str {
        self.encode_utf8(buffer)
    }
}

/// The values that name a child, as many as its family has labels: an array of
/// texts, or a tuple of [`LabelValue`]s.
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
