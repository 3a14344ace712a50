//! What is found on a shelf, for as long as somebody looks at it.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;

use super::pins::Pin;

/// A wrapped value that is lent: it stays on its thread, and with its shelf.
pub(crate) struct Lent<'s, W> {
    wrapped: ManuallyDrop<W>,
    /// None if it is owned.
    pin: Option<Pin>,
    _shelf: PhantomData<&'s ()>,
    _stays_on_its_thread: PhantomData<*const ()>,
}

impl<W> Deref for Lent<'_, W> {
    type Target = W;

    #[inline]
    fn deref(&self) -> &W {
        &self.wrapped
    }
}

impl<W> Drop for Lent<'_, W> {
    #[inline]
    fn drop(&mut self) {
        if self.pin.is_none() {
            // SAFETY: it is owned, and nobody has it after this.
            unsafe { drop_owned(&mut self.wrapped) };
        }
    }
}

/// Apart, so that there is little to be done where what was lent goes out of scope.
///
/// # Safety
/// Nobody has it after this.
#[cold]
#[inline(never)]
unsafe fn drop_owned<W>(wrapped: &mut ManuallyDrop<W>) {
    // SAFETY: as the caller says.
    unsafe { ManuallyDrop::drop(wrapped) };
}

impl<W> Lent<'_, W> {
    pub(super) fn owned(wrapped: W) -> Self {
        Self::new(ManuallyDrop::new(wrapped), None)
    }

    /// One that is owned by others, as long as the pin is there.
    #[inline]
    pub(super) fn pinned(wrapped: ManuallyDrop<W>, pin: Pin) -> Self {
        Self::new(wrapped, Some(pin))
    }

    #[inline]
    fn new(wrapped: ManuallyDrop<W>, pin: Option<Pin>) -> Self {
        Self { wrapped, pin, _shelf: PhantomData, _stays_on_its_thread: PhantomData }
    }
}
