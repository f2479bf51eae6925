//! What fuzz targets reach beside the public interface. It is there only when they are built.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::session::decrypting::Opened;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// Takes a padded plaintext apart as a receiver does, once its tag and commitment have been found right: its
/// stamp and its body. `None` if it is malformed.
#[must_use]
pub fn decode_plaintext(padded: &[u8]) -> Option<(Result<Stamp, MalformedStamp>, Vec<u8>)> {
    let padded = Zeroizing::new(padded.to_vec());
    let Opened { stamp, body, .. } = Opened::decode(padded, Suite::Classical).ok()?;
    Some((stamp, body))
}
