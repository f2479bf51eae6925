//! What is refused, on its way to JavaScript: a code, the sentence of the error itself, and the identity that some name.

use std::fmt::Display;

use evanesce::IdentityKey;
use wasm_bindgen::JsValue;

use crate::values::words::Word;
use crate::values::{Bytes, Out, Shown, host, object, shown};

pub(crate) mod codes;

/// An error of the library with the name that docs/protocol.md §12 has for it.
pub(crate) trait Coded: Display {
    fn code(&self) -> Word;

    /// The other identity, where it is what is wrong.
    fn identity(&self) -> Option<IdentityKey> {
        None
    }

    /// The names of what is missing, and of whom.
    fn missing(&self) -> Option<[u8; 16]> {
        None
    }
}

/// An error, ready to be thrown.
pub struct Refusal {
    code: Word,
    message: String,
    identity: Option<IdentityKey>,
    missing: Option<[u8; 16]>,
}

impl Refusal {
    /// Once for all errors, so that there is one copy of it.
    #[inline(never)]
    fn of(error: &dyn Coded) -> Self {
        let (code, message) = (error.code(), error.to_string());
        Self { code, message, identity: error.identity(), missing: error.missing() }
    }

    /// One that the library has no type for.
    #[inline(never)]
    pub(crate) fn new(code: Word, message: &str) -> Self {
        Self { code, message: message.to_owned(), identity: None, missing: None }
    }
}

impl<Error: Coded> From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

impl Shown for Refusal {
    fn show(&self, out: &mut Out) {
        let identity = self.identity.map(|identity| Bytes(identity.encode()));
        let missing = self.missing.map(Bytes);
        object!(out, code: self.code, message: self.message, identity: identity, missing: missing);
    }
}

impl From<Refusal> for JsValue {
    #[inline(never)]
    fn from(refusal: Refusal) -> Self {
        host::refusal(&shown(&refusal))
    }
}
