//! What has come of the generator's key (Wait).

use alloc::boxed::Box;

use crate::crypto::kem::EncapsulationKey;
use crate::epochs::fragments::Fragments;
use crate::epochs::named_key::NamedKey;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{KEY_FRAGMENTS, KeyId, Run};

/// Fragments of one key: one at least, and never all.
pub(crate) struct PartialKey {
    id: KeyId,
    fragments: Fragments<KEY_FRAGMENTS>,
}

/// What a key has come to.
pub(crate) enum Gathered {
    /// Some of it has not come.
    Partial(Box<PartialKey>),
    Whole(Box<NamedKey>),
    /// All of it has come, and it is no key or not that of its name.
    Bad,
}

impl PartialKey {
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Begins with what has come.
    pub(crate) fn begun(run: &Run<'_, KEY_FRAGMENTS>) -> Gathered {
        Box::new(Self { id: run.id, fragments: Fragments::new() }).joined(run)
    }

    /// The same with what has come. The run is of this key.
    pub(crate) fn joined(mut self: Box<Self>, run: &Run<'_, KEY_FRAGMENTS>) -> Gathered {
        self.fragments.keep(run);
        let Some(whole) = self.fragments.whole() else {
            return Gathered::Partial(self);
        };
        let key = EncapsulationKey::decode(whole).map(NamedKey::new);
        let named_so = key.filter(|key| key.id() == self.id);
        named_so.map(Box::new).map_or(Gathered::Bad, Gathered::Whole)
    }
}

impl Stored for PartialKey {
    fn write(&self, out: &mut StateWriter) {
        let Self { id: KeyId(id), fragments } = self;
        out.put(id);
        fragments.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = KeyId(*reader.array()?);
        let fragments = Fragments::read(reader)?;
        if fragments.is_empty() { Err(DecodeError::Malformed) } else { Ok(Self { id, fragments }) }
    }
}
