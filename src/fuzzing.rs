//! What fuzz targets reach beside the public interface. It is there only when they are built.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::commitment::CommitmentOpening;
use crate::crypto::secret::Secret;
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::ratchet::message_key::{MessageContext, Sealed};
use crate::session::decrypting::Opened;
use crate::session::one_conversation::Session;
use crate::wire::codec::DecodeError;
use crate::wire::notice::{Belief, Notice};
use crate::wire::padding::{pad, padded_length};
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// What a plaintext says: the types of its parts and their bytes, its stamp, its body.
pub type DecodedPlaintext = (Vec<(u8, Vec<u8>)>, Result<Stamp, MalformedStamp>, Vec<u8>);

/// What a notice says, of its sender's person and of its receiver's: version and digest.
pub type DecodedNotice = [(u32, [u8; 32]); 2];

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

/// Takes a notice apart; with it, the bytes that it encodes to, and those that the other side encodes the same to.
///
/// # Errors
///
/// [`DecodeError::Malformed`] of another length.
pub fn decode_notice(bytes: &[u8]) -> Result<(DecodedNotice, [Vec<u8>; 2]), DecodeError> {
    let notice = Notice::decode(bytes)?;
    let encoded = [notice.encode(), notice.swapped().encode()];
    let said = [notice.own, notice.their].map(|Belief { version, digest }| (version, digest));
    Ok((said, encoded))
}

/// Encrypts any content at all, the control of suite 2 included, as somebody does who has a session's keys and keeps to no
/// form. `None` if nothing can be sent, or it is too large.
pub fn encrypt_content(
    session: &mut Session,
    content: &[u8],
    ad: &[u8],
    rng: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let padded_length = padded_length(content.len())?;
    let begins_chain = session.begins_chain();
    let sent = session.ratchet.send(session.healing.to_send(), rng);
    let (sealed_header, message_key) = sent.ok()?;
    let id = session.id();
    if begins_chain {
        session.healing.sending_step(id, rng);
    }
    let mut message = [session.handshake.prefix(), &sealed_header].concat();
    let context = MessageContext::new(&message, ad, session.role, id.as_bytes());
    let mut padded = content.to_vec();
    pad(&mut padded, padded_length);
    let (Sealed { commitment, tag }, _) = message_key.seal(&mut padded, context);
    message.extend_from_slice(commitment.as_bytes());
    message.extend_from_slice(&padded);
    message.extend_from_slice(&tag);
    Some(message)
}

/// Signs any bytes at all as a device's identity, as somebody does who has its key: rosters that nobody would sign, and
/// messages of chains whose key is that one.
#[must_use]
pub fn sign(account: &Account, bytes: &[u8]) -> [u8; SIGNATURE_LENGTH] {
    account.sign(bytes)
}
