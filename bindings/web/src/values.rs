//! Values on their way to JavaScript: one string of bytes for each result, which `ts/values.ts` makes an object of.
//!
//! It takes one call and one copy, where setting each field of an object takes a call for each, and far less code than a
//! serializer.
//!
//! ```text
//! | tag: 1 | value |
//! undefined, false, true     nothing
//! number                     f64, little-endian
//! bytes, text                length: 4, then so many bytes
//! word                       its place among all words: 2
//! list                       how many: 4, then the values
//! object                     how many: 1, then for each its word and its value
//! bigint                     u64, little-endian
//! ```

use std::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::values::words::{WORDS, Word};

pub(crate) mod words;

/// What JavaScript gives, each as `ts/host.ts` says.
pub(crate) mod host {
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen(raw_module = "./host.js")]
    extern "C" {
        /// Fills it with random bytes that are there already: nothing fails within a call.
        #[cfg(not(feature = "scripted"))]
        pub(crate) fn randomize(out: &mut [u8]);

        /// The error that was written.
        pub(crate) fn refusal(error: &[u8]) -> JsValue;
    }
}

/// The names of fields and kinds, to be asked for once: each behind a line break.
#[wasm_bindgen]
pub fn words() -> String {
    WORDS.to_owned()
}

const UNDEFINED: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const BYTES: u8 = 4;
const TEXT: u8 = 5;
const WORD: u8 = 6;
const LIST: u8 = 7;
const OBJECT: u8 = 8;
const BIGINT: u8 = 9;

/// What is written so far.
pub(crate) struct Out(Vec<u8>);

/// What can be written.
pub(crate) trait Shown {
    fn show(&self, out: &mut Out);
}

/// Bytes, as opposed to a list of numbers.
pub(crate) struct Bytes<Held>(pub(crate) Held);

/// A number that may be above 2^53.
pub(crate) struct Big(pub(crate) u64);

/// Values one by one.
pub(crate) struct Listed<Items>(pub(crate) Items);

/// The bytes of a value.
#[inline(never)]
pub(crate) fn shown(value: &dyn Shown) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(256));
    value.show(&mut out);
    out.0
}

/// Writes an object: `object!(out, body: Bytes(&body), isOwn: true)`.
macro_rules! object {
    ($out:expr $(, $name:ident: $value:expr)* $(,)?) => {{
        const COUNT: u8 = 0 $(+ { let _ = $crate::values::words::Word::$name; 1 })*;
        $out.open(COUNT);
        $( $out.field($crate::values::words::Word::$name, &$value); )*
    }};
}
pub(crate) use object;

impl Out {
    /// An object with so many fields, each of which follows.
    pub(crate) fn open(&mut self, fields: u8) {
        self.0.extend_from_slice(&[OBJECT, fields]);
    }

    #[inline(never)]
    pub(crate) fn field(&mut self, name: Word, value: &dyn Shown) {
        self.word(name);
        value.show(self);
    }

    fn word(&mut self, word: Word) {
        self.0.extend_from_slice(&word.place().to_le_bytes());
    }

    fn measured(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Linear memory has 2^32 bytes at most.
    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }
}

impl Shown for bool {
    fn show(&self, out: &mut Out) {
        out.0.push(if *self { TRUE } else { FALSE });
    }
}

impl Shown for f64 {
    fn show(&self, out: &mut Out) {
        out.0.push(NUMBER);
        out.0.extend_from_slice(&self.to_le_bytes());
    }
}

impl Shown for u32 {
    fn show(&self, out: &mut Out) {
        f64::from(*self).show(out);
    }
}

impl Shown for u8 {
    fn show(&self, out: &mut Out) {
        f64::from(*self).show(out);
    }
}

impl Shown for Big {
    fn show(&self, out: &mut Out) {
        out.0.push(BIGINT);
        out.0.extend_from_slice(&self.0.to_le_bytes());
    }
}

impl<Held: AsRef<[u8]>> Shown for Bytes<Held> {
    fn show(&self, out: &mut Out) {
        out.measured(BYTES, self.0.as_ref());
    }
}

impl Shown for str {
    fn show(&self, out: &mut Out) {
        out.measured(TEXT, self.as_bytes());
    }
}

impl Shown for String {
    fn show(&self, out: &mut Out) {
        self.as_str().show(out);
    }
}

impl Shown for Word {
    fn show(&self, out: &mut Out) {
        out.0.push(WORD);
        out.word(*self);
    }
}

impl<Value: Shown> Shown for Option<Value> {
    fn show(&self, out: &mut Out) {
        match self {
            None => out.0.push(UNDEFINED),
            Some(value) => value.show(out),
        }
    }
}

impl<Value: Shown + ?Sized> Shown for &Value {
    fn show(&self, out: &mut Out) {
        Value::show(self, out);
    }
}

impl<Value: Shown> Shown for Box<Value> {
    fn show(&self, out: &mut Out) {
        Value::show(self, out);
    }
}

impl<Value: Shown> Shown for Vec<Value> {
    fn show(&self, out: &mut Out) {
        Listed(self.iter()).show(out);
    }
}

impl<Items: Iterator<Item: Shown> + Clone> Shown for Listed<Items> {
    fn show(&self, out: &mut Out) {
        out.0.push(LIST);
        out.count(self.0.clone().count());
        self.0.clone().for_each(|value| value.show(out));
    }
}

/// A duration in milliseconds, as JavaScript counts.
impl Shown for Duration {
    fn show(&self, out: &mut Out) {
        millis(*self).show(out);
    }
}

/// Milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
