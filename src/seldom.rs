//! What is nearly always the same, and takes no room then.

use alloc::boxed::Box;
use core::fmt;
use core::ops::Deref;

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// What has a value that nearly all have.
pub(crate) trait Usual: PartialEq + 'static {
    const USUAL: &'static Self;
}

/// A value that is seldom another than the usual one: then it has a block of its own, else none. Where thousands are
/// held, each with all that might be set or happen, that is most of what they would take.
pub(crate) struct Seldom<Value>(Option<Box<Value>>);

impl<Value: Usual> Seldom<Value> {
    pub(crate) fn new(value: Value) -> Self {
        Self((value != *Value::USUAL).then(|| Box::new(value)))
    }

    /// The usual one.
    pub(crate) fn usual() -> Self {
        Self(None)
    }

    /// What is another than the usual one, to change it: it costs no block.
    pub(crate) fn unusual(&mut self) -> Option<&mut Value> {
        self.0.as_deref_mut()
    }

    /// Changes it, whichever it is; gives what `change` gives.
    pub(crate) fn change<Outcome>(
        &mut self,
        usual: impl FnOnce() -> Value,
        change: impl FnOnce(&mut Value) -> Outcome,
    ) -> Outcome {
        let value = self.0.get_or_insert_with(|| Box::new(usual()));
        let outcome = change(value);
        if **value == *Value::USUAL {
            self.0 = None;
        }
        outcome
    }
}

impl<Value: Usual> Deref for Seldom<Value> {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.0.as_deref().unwrap_or(Value::USUAL)
    }
}

/// As the value.
impl<Value: Usual + Stored> Stored for Seldom<Value> {
    fn write(&self, out: &mut StateWriter) {
        Value::write(self, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Value::read(reader).map(Self::new)
    }
}

impl<Value: Usual + fmt::Debug> fmt::Debug for Seldom<Value> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Usual for u32 {
        const USUAL: &'static Self = &7;
    }

    proptest! {
        #[test]
        fn it_is_the_value_that_it_was_given_last_and_a_block_only_if_that_is_unusual(
            first in 5..9_u32,
            changes in prop::collection::vec(5..9_u32, 0..8),
        ) {
            let (mut seldom, mut value) = (Seldom::new(first), first);
            for next in changes {
                let before = seldom.change(|| 7, |held| core::mem::replace(held, next));
                prop_assert_eq!(before, value);
                value = next;
                prop_assert_eq!((*seldom, seldom.0.is_some()), (value, value != 7));
                prop_assert_eq!(seldom.unusual().copied(), Some(value).filter(|it| *it != 7));
                let mut out = StateWriter::new();
                seldom.write(&mut out);
                let read: Seldom<u32> = Stored::read(&mut Reader::new(out.as_bytes())).unwrap();
                prop_assert_eq!((*read, read.0.is_some()), (value, value != 7));
            }
        }
    }
}
