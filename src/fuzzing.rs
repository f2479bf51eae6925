//! What fuzz targets reach beside the public interface. It is there only when they are built.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::commitment::CommitmentOpening;
use crate::crypto::secret::Secret;
use crate::session::decrypting::Opened;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// What a plaintext says: the types of its parts and their bytes, its stamp, its body.
pub type DecodedPlaintext = (Vec<(u8, Vec<u8>)>, Result<Stamp, MalformedStamp>, Vec<u8>);

/// Takes a padded plaintext of a suite apart as a receiver does, once its tag and commitment have been found right.
/// `None` if it is malformed.
#[must_use]
pub fn decode_plaintext(padded: &[u8], suite: Suite) -> Option<DecodedPlaintext> {
    let padded = Zeroizing::new(padded.to_vec());
    let opening = CommitmentOpening::new(Secret::filled_by(|_| {}), [0; 32]);
    let commitment = opening.commitment(&padded);
    let opened = Opened::decode(padded, suite, opening, commitment).ok()?;
    let Opened { stamp, body, parts, evidence: _ } = opened;
    let parts = parts.iter().map(|part| (part.kind.byte(), part.bytes.to_vec())).collect();
    Some((parts, stamp, body))
}
