//! The roster secrets that are held: the head's, and those of messages that are late.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::group::roster_secret::{GroupHeaderKey, RosterSecret};
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// How many are held.
const MOST: usize = 4;

/// In the order in which they were learned.
pub(crate) struct HeldSecrets(Vec<HeldSecret>);

pub(crate) struct HeldSecret {
    pub(crate) seal: [u8; 32],
    pub(crate) secret: Box<RosterSecret>,
    pub(crate) header_key: Box<GroupHeaderKey>,
}

impl HeldSecrets {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn get(&self, seal: &[u8; 32]) -> Option<&HeldSecret> {
        self.0.iter().find(|held| held.seal == *seal)
    }

    /// What headers may be sealed under, the last learned first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &HeldSecret> {
        self.0.iter().rev()
    }

    /// Holds one more; the first that was learned goes, but never the head's. Says whether it was news.
    pub(crate) fn hold(
        &mut self,
        group: &[u8; 32],
        secret: Box<RosterSecret>,
        head: &[u8; 32],
    ) -> bool {
        let seal = secret.seal(group);
        if self.get(&seal).is_some() {
            return false;
        }
        let header_key = Box::new(secret.header_key(group));
        self.0.push(HeldSecret { seal, secret, header_key });
        if self.0.len() > MOST {
            let place = self.0.iter().position(|held| held.seal != *head);
            place.into_iter().for_each(|place| _ = self.0.remove(place));
        }
        true
    }

    pub(crate) fn write(&self, out: &mut StateWriter) {
        out.put_count(self.0.len());
        self.0.iter().for_each(|held| held.secret.write(out));
    }

    pub(crate) fn read(group: &[u8; 32], reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let secrets = Vec::<Box<RosterSecret>>::read(reader)?;
        if secrets.len() > MOST {
            return Err(DecodeError::Malformed);
        }
        let held = secrets.into_iter().map(|secret| HeldSecret {
            seal: secret.seal(group),
            header_key: Box::new(secret.header_key(group)),
            secret,
        });
        let held: Vec<HeldSecret> = held.collect();
        let is_again = |(place, one): (usize, &HeldSecret)| {
            held.iter().skip(place).skip(1).any(|other| other.seal == one.seal)
        };
        if held.iter().enumerate().any(is_again) {
            return Err(DecodeError::Malformed);
        }
        Ok(Self(held))
    }
}
