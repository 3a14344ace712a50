//! Exemplars as bytes: amount, time, lengths, text.

use crate::model::{Exemplar, ExemplarRef, Timestamp};

/// Appends an exemplar: amount and time as floats, how many lengths there are,
/// the lengths of names and values in turn, and these back to back.
pub(crate) fn encode_exemplar(exemplar: ExemplarRef<'_>, out: &mut Vec<u8>) {
    let time = exemplar.timestamp().map_or(f64::NAN, Timestamp::as_seconds);
    out.extend_from_slice(&exemplar.value().to_le_bytes());
    out.extend_from_slice(&time.to_le_bytes());
    // The labels have 128 characters at most, so every number is small.
    out.extend_from_slice(&(exemplar.lens.len() as u16).to_le_bytes());
    for &len in exemplar.lens {
        out.extend_from_slice(&(len as u16).to_le_bytes());
    }
    out.extend_from_slice(exemplar.text.as_bytes());
}

/// Reads what [`encode_exemplar`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Option<Exemplar> {
    let (value, rest) = bytes.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut parts = Vec::new();
    let lens = rest.get(..2 * usize::from(u16::from_le_bytes(*count)))?;
    let mut text = std::str::from_utf8(rest.get(lens.len()..)?).ok()?;
    for _ in 0..lens.len() / 2 {
        let (len, others) = rest.split_first_chunk()?;
        rest = others;
        let (part, others) = text.split_at_checked(u16::from_le_bytes(*len).into())?;
        text = others;
        parts.push(part);
    }
    let pairs = parts.chunks_exact(2).map(|pair| (pair[0], pair[1]));
    let exemplar = Exemplar::new(pairs, f64::from_le_bytes(*value)).ok()?;
    Some(match Timestamp::from_seconds(f64::from_le_bytes(*time)) {
        Ok(time) => exemplar.with_timestamp(time),
        Err(_) => exemplar,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_laid_out_as_the_format_says() {
        let exemplar = Exemplar::new([("id", "é"), ("a", "")], 0.5)
            .and_then(|exemplar| Ok(exemplar.with_timestamp(Timestamp::from_seconds(2.0)?)))
            .unwrap();
        let mut bytes = Vec::new();
        encode_exemplar(exemplar.as_ref(), &mut bytes);
        let mut expected = Vec::new();
        expected.extend(0.5f64.to_le_bytes());
        expected.extend(2.0f64.to_le_bytes());
        expected.extend([4, 0, 1, 0, 0, 0, 2, 0, 2, 0]);
        expected.extend("aidé".bytes());
        assert_eq!(bytes, expected);
        assert_eq!(decode(&bytes), Some(exemplar));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            decode(&bytes);
        }
    }
}
