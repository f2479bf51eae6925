//! What a first message names.

use crate::identity::Address;
use crate::prekeys::prekey_pair::PreKeyPair;
use crate::prekeys::replay_record::ReplayError;
use crate::prekeys::signed_prekey::SignedPreKey;
use crate::wire::prekey_public::PreKeyPublic;

/// The secrets that a first message names.
pub(crate) struct FoundPreKeys<'store> {
    pub(crate) signed: &'store SignedPreKey,
    pub(crate) one_time: Option<&'store PreKeyPair>,
    /// The address that the handshake was made with, if it is not the present one.
    pub(crate) former_address: Option<&'store Address>,
}

/// The prekeys of a handshake that is accepted.
pub(crate) struct UsedPreKeys {
    pub(crate) signed_id: u32,
    /// The public halves of that one.
    pub(crate) signed_prekey: PreKeyPublic,
    pub(crate) one_time_id: Option<u32>,
}

impl FoundPreKeys<'_> {
    /// Whether this handshake may still be accepted. With a one-time prekey it cannot be a replay.
    pub(crate) fn check_replay(&self, session_id: &[u8; 32]) -> Result<(), ReplayError> {
        match self.one_time {
            Some(_) => Ok(()),
            None => self.signed.replay_record.check(session_id),
        }
    }
}
