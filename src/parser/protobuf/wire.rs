//! Messages as fields, and fields as what they hold.
//!
//! [The specification](https://protobuf.dev/programming-guides/encoding/).

use super::error::DecodeError;
use crate::parser::error::quoted;

/// How deep groups, which nobody writes any more, may lie in one another.
const DEEPEST: usize = 64;

/// The fields of a message, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    /// Where they stand in the document.
    at: usize,
    /// What errors call the message.
    name: &'static str,
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    /// Where it stands in the document.
    pub(super) at: usize,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Varint(u64),
    Double(f64),
    Bytes {
        bytes: &'a [u8],
        at: usize,
    },
    /// One that no field of ours has.
    Foreign,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, name: &'static str) -> Self {
        Self { bytes, at, name }
    }

    /// Where the next field stands in the document.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next field, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let (number, kind) = self.key()?;
        if kind == 3 {
            self.skip_group(number)?;
            return Ok(Some(Field { number, at, value: Value::Foreign }));
        }
        let value = self.value(at, kind)?;
        Ok(Some(Field { number, at, value }))
    }

    /// The number of a field, and how it is laid out.
    fn key(&mut self) -> Result<(u64, u8), DecodeError> {
        let at = self.at;
        let key = self.varint()?;
        let number = key >> 3;
        if !(1..1 << 29).contains(&number) {
            let expected = "a field number from 1 to 536870911";
            return Err(DecodeError::new(at, self.name, expected, number.to_string()));
        }
        Ok((number, (key & 7) as u8))
    }

    fn value(&mut self, at: usize, kind: u8) -> Result<Value<'a>, DecodeError> {
        Ok(match kind {
            0 => Value::Varint(self.varint()?),
            1 => {
                let bytes = self.take(8)?;
                let bits = bytes.first_chunk().copied().unwrap_or_default();
                Value::Double(f64::from_le_bytes(bits))
            }
            2 => {
                let bytes = self.delimited()?;
                Value::Bytes { bytes, at: self.at - bytes.len() }
            }
            5 => {
                self.take(4)?;
                Value::Foreign
            }
            _ => {
                let expected = "a field laid out in a way that there is";
                return Err(DecodeError::new(at, self.name, expected, format!("wire type {kind}")));
            }
        })
    }

    /// Steps over a group, whose fields end with one that says so.
    fn skip_group(&mut self, number: u64) -> Result<(), DecodeError> {
        let mut open = vec![number];
        while let Some(&number) = open.last() {
            let at = self.at;
            match self.key()? {
                (inner, 3) if open.len() < DEEPEST => open.push(inner),
                (_, 3) => {
                    let expected = format!("at most {DEEPEST} groups in one another");
                    return Err(DecodeError::new(at, self.name, expected, "another"));
                }
                (end, 4) if end == number => {
                    open.pop();
                }
                (_, kind) => {
                    self.value(at, kind)?;
                }
            }
        }
        Ok(())
    }

    /// Bytes behind their length.
    pub(super) fn delimited(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.varint()?;
        // What does not fit into memory is not there.
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, left)) = self.bytes.split_at_checked(len) else {
            let (expected, found) = (format!("{len} bytes"), self.bytes.len().to_string());
            return Err(DecodeError::new(self.at, self.name, expected, found));
        };
        (self.bytes, self.at) = (left, self.at + len);
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (place, &byte) in self.bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 && (place < 9 || byte < 2) {
                (self.bytes, self.at) = (&self.bytes[place + 1..], self.at + place + 1);
                return Ok(value);
            }
        }
        let found = if self.bytes.len() < 10 { "the end of the message" } else { "a longer one" };
        Err(DecodeError::new(self.at, self.name, "a number of at most 64 bits", found))
    }
}

impl<'a> Field<'a> {
    pub(super) fn number(&self, name: &'static str) -> Result<u64, DecodeError> {
        match self.value {
            Value::Varint(number) => Ok(number),
            _ => Err(self.error(name, "a whole number")),
        }
    }

    /// A number whose lowest bit is its sign.
    pub(super) fn signed(&self, name: &'static str) -> Result<i64, DecodeError> {
        self.number(name).map(zigzag)
    }

    pub(super) fn double(&self, name: &'static str) -> Result<f64, DecodeError> {
        match self.value {
            Value::Double(number) => Ok(number),
            _ => Err(self.error(name, "a double")),
        }
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, DecodeError> {
        let Value::Bytes { bytes, at } = self.value else {
            return Err(self.error(name, "a text"));
        };
        std::str::from_utf8(bytes).map_err(|error| {
            let valid = error.valid_up_to();
            let found = bytes.get(valid).copied().unwrap_or_default();
            DecodeError::new(at + valid, name, "text in UTF-8", format!("byte {found:#04x}"))
        })
    }

    pub(super) fn message(&self, name: &'static str) -> Result<Fields<'a>, DecodeError> {
        match self.value {
            Value::Bytes { bytes, at } => Ok(Fields { bytes, at, name }),
            _ => Err(self.error(name, "a message")),
        }
    }

    /// Appends a number whose lowest bit is its sign, or all of those that are packed.
    pub(super) fn signed_into(
        &self,
        out: &mut Vec<i64>,
        name: &'static str,
    ) -> Result<(), DecodeError> {
        let Value::Bytes { bytes, at } = self.value else {
            out.push(self.signed(name)?);
            return Ok(());
        };
        let mut packed = Fields { bytes, at, name };
        while !packed.is_empty() {
            out.push(zigzag(packed.varint()?));
        }
        Ok(())
    }

    /// Appends a double, or all of those that are packed.
    pub(super) fn doubles_into(
        &self,
        out: &mut Vec<f64>,
        name: &'static str,
    ) -> Result<(), DecodeError> {
        let Value::Bytes { bytes, at } = self.value else {
            out.push(self.double(name)?);
            return Ok(());
        };
        let mut packed = Fields { bytes, at, name };
        while !packed.is_empty() {
            let bits = packed.take(8)?.first_chunk().copied().unwrap_or_default();
            out.push(f64::from_le_bytes(bits));
        }
        Ok(())
    }

    /// An error about what the field holds.
    pub(super) fn error(&self, name: &'static str, expected: &'static str) -> DecodeError {
        let found = match self.value {
            Value::Varint(number) => format!("the whole number {number}"),
            Value::Double(number) => format!("the double {number:?}"),
            Value::Bytes { bytes, .. } => {
                std::str::from_utf8(bytes).map_or("bytes".to_owned(), quoted)
            }
            Value::Foreign => "a field laid out in another way".to_owned(),
        };
        DecodeError::new(self.at, name, expected, found)
    }
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
