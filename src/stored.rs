//! State to bytes and back: one encoding for each state, no defaults, nothing left over.
//!
//! Each type says beside itself how it is written; the form of a whole snapshot is in `snapshot`. What is
//! stored by a release is read by all later ones, so what stands here and in the implementations of
//! [`Stored`] does not change: what a later form needs is added beside it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use zeroize::Zeroizing;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::secret::Secret;
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader, leb128};

/// What is part of a snapshot. Integers are LEB128 in the shortest form, keys their bytes.
pub(crate) trait Stored: Sized {
    fn write(&self, out: &mut StateWriter);

    /// [`DecodeError::Malformed`] for what is not the encoding of a state; each type says what else it
    /// checks.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// A struct is its fields in the order that is named here, and may have to pass a check; a newtype is what
/// it holds. Fields behind a semicolon are stored elsewhere, and are so until then.
macro_rules! stored {
    ($type:ident(_)) => {
        impl Stored for $type {
            fn write(&self, out: &mut StateWriter) {
                let Self(inner) = self;
                inner.write(out);
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Stored::read(reader).map(Self)
            }
        }
    };
    ($type:ident { $($field:ident),+ $(,)? $(; $later:ident: $value:expr)? } $(if $is_sound:expr)?) => {
        impl Stored for $type {
            fn write(&self, out: &mut StateWriter) {
                let Self { $($field),+ $(, $later: _)? } = self;
                $($field.write(out);)+
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                $(let $field = Stored::read(reader)?;)+
                let state = Self { $($field),+ $(, $later: $value)? };
                $(
                    let is_sound: fn(&Self) -> bool = $is_sound;
                    if !is_sound(&state) {
                        return Err(DecodeError::Malformed);
                    }
                )?
                Ok(state)
            }
        }
    };
}

pub(crate) use stored;

/// For how many values there is exact room at once. A value may take a hundred times the byte that a claim of one costs.
const EXACT: usize = 16;

/// Collects a snapshot's bytes. They hold secrets, and are wiped wherever they have stood.
pub(crate) struct StateWriter(Zeroizing<Vec<u8>>);

/// Room for a session that holds few keys.
const FIRST_CAPACITY: usize = 1_024;

impl StateWriter {
    pub(crate) fn new() -> Self {
        Self::with_capacity(FIRST_CAPACITY)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let length = self.0.len().saturating_add(bytes.len());
        if length > self.0.capacity() {
            // By hand: a vector that grows by itself leaves a copy of its bytes where they were.
            let mut grown = Zeroizing::new(Vec::with_capacity(length.saturating_mul(2)));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn put_number(&mut self, number: u64) {
        leb128(number).for_each(|byte| self.put(&[byte]));
    }

    /// How many of something follow.
    pub(crate) fn put_count(&mut self, count: usize) {
        self.put_number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Its length in four bytes, then what `write` puts.
    pub(crate) fn put_measured(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.put(&[0; 4]);
        let from = self.0.len();
        write(self);
        // A state of 4 GiB, which no limits come near, would not read back.
        let length = u32::try_from(self.0.len().saturating_sub(from)).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(start..from) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// Reads how many of something follow. Each takes a byte at least, so no number asks for more memory
/// than the bytes that came with it.
pub(crate) fn read_count(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let count = usize::try_from(reader.leb128()?).map_err(|_| DecodeError::Malformed)?;
    if count <= reader.rest().len() { Ok(count) } else { Err(DecodeError::Malformed) }
}

impl Stored for u64 {
    fn write(&self, out: &mut StateWriter) {
        out.put_number(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.leb128()
    }
}

impl Stored for u32 {
    fn write(&self, out: &mut StateWriter) {
        out.put_number(u64::from(*self));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_from(reader.leb128()?).map_err(|_| DecodeError::Malformed)
    }
}

impl Stored for u8 {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[*self]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u8()
    }
}

impl Stored for usize {
    fn write(&self, out: &mut StateWriter) {
        out.put_count(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_from(reader.leb128()?).map_err(|_| DecodeError::Malformed)
    }
}

impl Stored for bool {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[u8::from(*self)]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.flag()
    }
}

impl<const N: usize> Stored for [u8; N] {
    fn write(&self, out: &mut StateWriter) {
        out.put(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().copied()
    }
}

impl<Value: Stored> Stored for Box<Value> {
    fn write(&self, out: &mut StateWriter) {
        Value::write(self, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Value::read(reader).map(Self::new)
    }
}

impl<Value: Stored> Stored for Option<Value> {
    fn write(&self, out: &mut StateWriter) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.flag()? { Value::read(reader).map(Some) } else { Ok(None) }
    }
}

impl<First: Stored, Second: Stored> Stored for (First, Second) {
    fn write(&self, out: &mut StateWriter) {
        let (first, second) = self;
        first.write(out);
        second.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let first = First::read(reader)?;
        Ok((first, Second::read(reader)?))
    }
}

/// For values that hold secrets only in boxes: the vector grows.
impl<Value: Stored> Stored for Vec<Value> {
    fn write(&self, out: &mut StateWriter) {
        out.put_count(self.len());
        self.iter().for_each(|value| value.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = read_count(reader)?;
        let mut values = Self::with_capacity(count.min(EXACT));
        for _ in 0..count {
            values.push(Value::read(reader)?);
        }
        Ok(values)
    }
}

impl<Value: Stored> Stored for VecDeque<Value> {
    fn write(&self, out: &mut StateWriter) {
        out.put_count(self.len());
        self.iter().for_each(|value| value.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Vec::read(reader).map(Self::from)
    }
}

impl Stored for Duration {
    fn write(&self, out: &mut StateWriter) {
        self.as_secs().write(out);
        self.subsec_nanos().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let seconds = Stored::read(reader)?;
        let nanoseconds = Stored::read(reader)?;
        let whole = Self::from_secs(seconds);
        let duration = whole.saturating_add(Self::from_nanos(u64::from(nanoseconds)));
        // More than a second's nanoseconds would be a second encoding.
        if (duration.as_secs(), duration.subsec_nanos()) == (seconds, nanoseconds) {
            Ok(duration)
        } else {
            Err(DecodeError::Malformed)
        }
    }
}

impl Stored for Timestamp {
    fn write(&self, out: &mut StateWriter) {
        self.unix_seconds().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::read(reader).map(Self::from_unix_seconds)
    }
}

impl Stored for Secret<32> {
    fn write(&self, out: &mut StateWriter) {
        out.put(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.array::<32>()?;
        Ok(Self::filled_by(|out| out.copy_from_slice(bytes)))
    }
}

impl Stored for DhPublicKey {
    fn write(&self, out: &mut StateWriter) {
        out.put(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.dh_public_key()
    }
}

/// Both halves are stored, since computing the public one costs a third of an agreement. That they belong
/// together is trusted.
impl Stored for DhKeyPair {
    fn write(&self, out: &mut StateWriter) {
        let (secret, public) = self.halves();
        secret.write(out);
        public.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let secret = Stored::read(reader)?;
        Ok(Self::from_halves(secret, Stored::read(reader)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: &impl Stored) -> Vec<u8> {
        let mut out = StateWriter::new();
        value.write(&mut out);
        out.into_bytes().to_vec()
    }

    fn read<Value: Stored>(bytes: &[u8]) -> Option<Value> {
        let mut reader = Reader::new(bytes);
        let value = Value::read(&mut reader).ok()?;
        reader.finish().ok()?;
        Some(value)
    }

    #[test]
    fn a_count_above_the_bytes_that_follow_is_malformed() {
        assert_eq!(read::<Vec<bool>>(&[2, 1, 0]), Some(Vec::from([true, false])));
        assert_eq!(read::<Vec<bool>>(&[3, 1, 0]), None);
        assert_eq!(read::<Vec<bool>>(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]), None);
    }

    #[test]
    fn a_number_that_does_not_fit_is_malformed() {
        assert_eq!(read(&written(&u64::from(u32::MAX))), Some(u32::MAX));
        assert_eq!(read::<u32>(&written(&(u64::from(u32::MAX) + 1))), None);
        assert_eq!(read::<Duration>(&[1, 0]), Some(Duration::from_secs(1)));
        let second = u64::from(1_000_000_000_u32);
        assert_eq!(read::<Duration>(&[written(&1_u64), written(&second)].concat()), None);
        let end = [written(&u64::MAX), written(&second)].concat();
        assert_eq!(read::<Duration>(&end), None);
    }

    #[test]
    fn what_is_longer_than_the_first_capacity_is_written_whole() {
        let values: Vec<u64> = (0..1_024_u64).map(|number| number << 30).collect();
        let bytes = written(&values);
        assert!(bytes.len() > 4 * FIRST_CAPACITY);
        assert_eq!(read(&bytes), Some(values));
    }

    proptest! {
        #[test]
        fn values_come_back(number: u64, time: u32, bytes: [u8; 32], duration: Duration) {
            let time = Timestamp::from_unix_seconds(u64::from(time));
            prop_assert_eq!(read(&written(&number)), Some(number));
            prop_assert_eq!(read(&written(&Some(time))), Some(Some(time)));
            prop_assert_eq!(read(&written(&bytes)), Some(bytes));
            prop_assert_eq!(read(&written(&duration)), Some(duration));
        }

        #[test]
        fn what_reads_is_the_only_encoding(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Some(number) = read::<u64>(&bytes) {
                prop_assert_eq!(written(&number), bytes.clone());
            }
            if let Some(duration) = read::<Duration>(&bytes) {
                prop_assert_eq!(written(&duration), bytes.clone());
            }
            if let Some(some) = read::<Vec<Option<bool>>>(&bytes) {
                prop_assert_eq!(written(&some), bytes);
            }
        }
    }
}
