//! A value that many states have in common.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// It is hashed once, and compared by its hash first: states of many bytes are told apart in no time.
#[derive(Clone, Debug)]
pub struct Shared<Value> {
    digest: u64,
    value: Arc<Value>,
}

impl<Value: Hash> Shared<Value> {
    pub fn new(value: Value) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self { digest: hasher.finish(), value: Arc::new(value) }
    }
}

impl<Value> Shared<Value> {
    /// The same for the same value.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

impl<Value> std::ops::Deref for Shared<Value> {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl<Value> Hash for Shared<Value> {
    fn hash<Into: Hasher>(&self, into: &mut Into) {
        into.write_u64(self.digest);
    }
}

impl<Value: PartialEq> PartialEq for Shared<Value> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
            && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }
}

impl<Value: Eq> Eq for Shared<Value> {}
