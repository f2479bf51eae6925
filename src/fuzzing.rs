//! What fuzz targets reach beside the public interface. It is there only when they are built.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::commitment::CommitmentOpening;
use crate::crypto::secret::Secret;
use crate::session::decrypting::Opened;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// Takes a padded plaintext of a suite apart as a receiver does, once its tag and commitment have been found right: its
/// stamp and its body. `None` if it is malformed.
#[must_use]
pub fn decode_plaintext(
    padded: &[u8],
    suite: Suite,
) -> Option<(Result<Stamp, MalformedStamp>, Vec<u8>)> {
    let padded = Zeroizing::new(padded.to_vec());
    let opening = CommitmentOpening::new(Secret::filled_by(|_| {}), [0; 32]);
    let commitment = opening.commitment(&padded);
    let opened = Opened::decode(padded, suite, opening, commitment).ok()?;
    let Opened { stamp, body, evidence: _ } = opened;
    Some((stamp, body))
}
