//! What is found on a shelf, for as long as somebody looks at it.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;

use super::pins::Pin;
use super::sync::AtomicU64;

/// A wrapped value that is lent: it stays on its thread, and with its shelf.
pub(crate) struct Lent<'s, W> {
    wrapped: ManuallyDrop<W>,
    hold: Hold,
    _lender: PhantomData<&'s ()>,
}

/// What keeps a value from being dropped: one word, which fits into a register.
///
/// Its lender does, or a look at it that ends with this, or it is owned.
pub(super) struct Hold(*const AtomicU64);

impl Hold {
    const BY_LENDER: *const AtomicU64 = ptr::null();
    const OWNED: *const AtomicU64 = ptr::without_provenance(1);

    /// As long as its lender is there.
    #[inline(always)]
    pub(super) fn by_lender() -> Self {
        Self(Self::BY_LENDER)
    }

    /// As long as this is there.
    #[inline(always)]
    pub(super) fn by_pin(pin: Pin) -> Self {
        Self(pin.into_word())
    }

    /// By one who owns it.
    pub(super) fn owned() -> Self {
        Self(Self::OWNED)
    }
}

impl<W> Deref for Lent<'_, W> {
    type Target = W;

    #[inline(always)]
    fn deref(&self) -> &W {
        &self.wrapped
    }
}

impl<W> Drop for Lent<'_, W> {
    #[inline(always)]
    fn drop(&mut self) {
        match self.hold.0 {
            Hold::BY_LENDER => {}
            // SAFETY: it is owned, and nobody has it after this.
            Hold::OWNED => unsafe { drop_owned(ptr::read(&self.wrapped)) },
            // SAFETY: it came from a pin.
            pin => drop(unsafe { Pin::from_word(pin) }),
        }
    }
}

/// Apart, so that there is little to be done where what was lent goes out of scope.
///
/// # Safety
/// Nobody has it after this.
#[cold]
#[inline(never)]
unsafe fn drop_owned<W>(mut wrapped: ManuallyDrop<W>) {
    // SAFETY: as the caller says.
    unsafe { ManuallyDrop::drop(&mut wrapped) };
}

impl<W> Lent<'_, W> {
    /// One that is held, for as long as it is.
    #[inline(always)]
    pub(super) fn new(wrapped: ManuallyDrop<W>, hold: Hold) -> Self {
        Self { wrapped, hold, _lender: PhantomData }
    }
}
