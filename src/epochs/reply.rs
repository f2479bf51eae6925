//! The ciphertext for the generator, on its way there (SendCt).

use alloc::boxed::Box;

use rand_core::CryptoRng;

use crate::crypto::secret::Secret;
use crate::encapsulation::encapsulate;
use crate::epochs::carousel::Carousel;
use crate::epochs::epoch_secret::{EpochContext, EpochSecrets};
use crate::epochs::named_key::NamedKey;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{CIPHERTEXT_FRAGMENTS, CIPHERTEXT_STRING_LENGTH, KeyId, Run};

/// An epoch's secret that the peer does not have yet, and what is sent so that it gets it.
pub(crate) struct Reply {
    /// Of the key that is answered.
    id: KeyId,
    /// Mixed when the peer's chain says that it has it (s_e).
    secret: Secret<32>,
    /// ct ‖ confirm
    string: Box<[u8]>,
    sent: Carousel<CIPHERTEXT_FRAGMENTS>,
}

impl Reply {
    /// Draws that from which the encapsulation's randomness is derived: 32 bytes.
    pub(crate) fn encapsulate(
        key: &NamedKey,
        context: EpochContext<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let draw = Secret::filled_by(|out| rng.fill_bytes(out));
        let (ciphertext, shared) = encapsulate(key.key(), &draw);
        let secrets = context.derive(&shared, key, &ciphertext);
        let EpochSecrets { secret, confirmation } = secrets;
        let string = [&ciphertext[..], confirmation.as_bytes()].concat().into();
        Self { id: key.id(), secret, string, sent: Carousel::new() }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// How far the string was sent.
    pub(crate) fn sent(&self) -> &Carousel<CIPHERTEXT_FRAGMENTS> {
        &self.sent
    }

    pub(crate) fn sent_mut(&mut self) -> &mut Carousel<CIPHERTEXT_FRAGMENTS> {
        &mut self.sent
    }

    /// The run that is next.
    pub(crate) fn run(&self, count: u8) -> Run<'_, CIPHERTEXT_FRAGMENTS> {
        Run::cut(&self.string, self.id, self.sent.position(), count)
    }
}

impl Stored for Reply {
    fn write(&self, out: &mut StateWriter) {
        let Self { id: KeyId(id), secret, string, sent } = self;
        out.put(id);
        secret.write(out);
        out.put(string);
        sent.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = KeyId(*reader.array()?);
        let secret = Stored::read(reader)?;
        let string = reader.bytes(CIPHERTEXT_STRING_LENGTH)?.into();
        Ok(Self { id, secret, string, sent: Stored::read(reader)? })
    }
}
