//! What can be added, set or observed.

use std::time::Duration;

/// A number that a metric takes: a primitive number of up to 64 bits, or a [`Duration`] in seconds.
///
/// ```
/// use narthex::Gauge;
/// use std::time::Duration;
///
/// let gauge = Gauge::builder("last_run_seconds", "How long it took.").build()?;
/// gauge.set(Duration::from_millis(250));
/// assert_eq!(gauge.get(), 0.25);
/// gauge.set(3_u64);
/// assert_eq!(gauge.get(), 3.0);
/// # Ok::<(), narthex::Error>(())
/// ```
pub trait Amount {
    /// The number as every metric keeps it.
    fn to_f64(self) -> f64;
}

macro_rules! amounts {
    ($($number:ty)*) => {
        $(impl Amount for $number {
            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }
        })*
    };
}

amounts!(f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl<A: Amount + Copy> Amount for &A {
    #[inline]
    fn to_f64(self) -> f64 {
        (*self).to_f64()
    }
}

impl Amount for Duration {
    #[inline]
    fn to_f64(self) -> f64 {
        self.as_secs_f64()
    }
}
