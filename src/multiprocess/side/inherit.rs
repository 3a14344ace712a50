//! What of a side file a forked child goes on with: what is true of it as well.

use std::time::SystemTime;

use super::entry_kind::{
    EXEMPLAR, FAMILIES, NATIVE, ROWS, START, STATE, STATE_TIME, TABLE, TABLE_ROWS,
};
use super::reader::placed;
use crate::cell::mapped::UNTOUCHED;
use crate::cell::native_entry::{WORDS, is_count};

/// The bytes of a side file as they are to stand in that of a child that is
/// forked at `now`, each entry at its place.
///
/// Series begin at the fork, and nothing is in their buckets. Exemplars and what was published are the
/// parent's. Facts and states are those of the child, too; the time of a state
/// tells that the child has not set it.
pub(super) fn inherited(mut bytes: Vec<u8>, now: SystemTime) -> Vec<u8> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    for entry in placed(&bytes) {
        match entry.kind() {
            ROWS if entry.has_word(&bytes, START) => {
                entry.set_word(&mut bytes, START, now.to_bits())
            }
            TABLE => {
                for place in (START..2 * TABLE_ROWS).step_by(2) {
                    if entry.has_word(&bytes, place) {
                        entry.set_word(&mut bytes, place, now.to_bits());
                    }
                }
            }
            NATIVE => {
                for place in (0..WORDS).filter(|word| is_count(*word)) {
                    entry.set_word(&mut bytes, place, 0);
                }
            }
            STATE => entry.set_word(&mut bytes, STATE_TIME, UNTOUCHED),
            EXEMPLAR => entry.replace_value(&mut bytes, b""),
            FAMILIES => entry.replace_value(&mut bytes, b"[]"),
            _ => {}
        }
    }
    bytes
}
