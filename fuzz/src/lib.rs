//! What the targets share: shared directories as bytes, side files whose checksums fit, and a judge of texts.

mod directory;
mod exposition;
mod sealed;

pub use self::directory::{NAMES, pack, scratch, unpack, used};
pub use self::exposition::{assert_well_formed, written};
pub use self::sealed::seal;
