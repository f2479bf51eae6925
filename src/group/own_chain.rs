//! A chain of this device.

use alloc::boxed::Box;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::secret::Secret;
use crate::crypto::signature::SignatureKeyPair;
use crate::group::sender_chain::{ChainKeys, ChainName, first_chain_key};
use crate::ratchet::chain::ChainKey;
use crate::ratchet::message_key::MessageKey;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::LAST_NUMBER;
use crate::wire::roster::OwnerBytes;
use crate::wire::stamp::{Policy, Stamp};

/// How long a chain is used: 14 days.
const LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// How long its seed is kept beyond its last message: 7 days.
const SEED_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// Whatever is needed to give it is kept of a chain that has ended; its own keys are gone.
pub(crate) struct OwnChain {
    pub(crate) name: ChainName,
    pub(crate) verifying_key: [u8; 32],
    /// What the roster's seal was when it began.
    pub(crate) seal: [u8; 32],
    began: Timestamp,
    /// How many messages it carried.
    sent: u8,
    last_sent: Timestamp,
    /// The shortest life of what it carried, in seconds.
    least_ttl: Option<u32>,
    /// From it every key of the chain can be given.
    seed: Option<Box<Secret<32>>>,
    /// Of the present chain alone.
    present: Option<Present>,
}

struct Present {
    chain_key: Box<ChainKey>,
    signing: Box<SignatureKeyPair>,
    signing_seed: Box<Secret<32>>,
}

impl OwnChain {
    /// Begins one: one draw.
    pub(crate) fn begin(
        group: &[u8; 32],
        us: &OwnerBytes,
        seal: [u8; 32],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let (seed, ()) = Secret::boxed_and_filled_by(|out| rng.fill_bytes(out));
        let ChainKeys { chain_key, signing, signing_seed } = ChainKeys::of_seed(group, &seed);
        let verifying_key = *signing.public().as_bytes();
        Self {
            name: ChainName::of(group, us, &verifying_key),
            verifying_key,
            seal,
            began: now,
            sent: 0,
            last_sent: now,
            least_ttl: None,
            seed: Some(seed),
            present: Some(Present { chain_key, signing, signing_seed }),
        }
    }

    /// Whether it may go on by itself.
    pub(crate) fn may_go_on(&self, seal: &[u8; 32], now: Timestamp) -> bool {
        self.sent <= LAST_NUMBER && now <= self.began.plus(LIFETIME) && self.seal == *seal
    }

    pub(crate) fn next_number(&self) -> u8 {
        self.sent
    }

    pub(crate) fn has_seed(&self) -> bool {
        self.seed.is_some()
    }

    /// Its own keys go: another one has begun.
    pub(crate) fn end(&mut self) {
        self.present = None;
    }

    /// Forgets the seed when its time is over. Says whether it did.
    pub(crate) fn forget_seed(&mut self, now: Timestamp) -> bool {
        let shorter = self.least_ttl.map(|ttl| Duration::from_secs(u64::from(ttl)));
        let life = shorter.map_or(SEED_LIFETIME, |shorter| shorter.min(SEED_LIFETIME));
        let is_over = self.seed.is_some() && now > self.last_sent.plus(life);
        if is_over {
            self.seed = None;
        }
        is_over
    }

    /// The chain key from which a device that is a recipient since the number `from` reads on, and its number: that of
    /// the next message where the seed is gone; `None` where nothing is left of an ended chain.
    pub(crate) fn from(&self, group: &[u8; 32], from: u8) -> Option<(u8, Box<ChainKey>)> {
        match (&self.seed, &self.present) {
            // As a rule all become recipients with the first message.
            (Some(_), Some(present)) if from == self.sent => {
                Some((from, Box::new(present.chain_key.duplicate())))
            }
            (Some(seed), _) => {
                let chain_key = first_chain_key(group, seed);
                Some((from, (0..from).fold(chain_key, |key, _| Box::new(key.skip()))))
            }
            (None, Some(present)) if self.sent <= LAST_NUMBER => {
                Some((self.sent, Box::new(present.chain_key.duplicate())))
            }
            (None, _) => None,
        }
    }

    /// The key of its next message, which carries this stamp, and what signs it; `None` of a chain that has ended.
    pub(crate) fn send(
        &mut self,
        stamp: &Stamp,
        now: Timestamp,
    ) -> Option<(MessageKey, &SignatureKeyPair)> {
        let present = self.present.as_mut()?;
        let (chain_key, key) = present.chain_key.step();
        *present.chain_key = chain_key;
        self.sent = self.sent.saturating_add(1);
        self.last_sent = now;
        let ttl = stamp.setting.as_ref().and_then(|it| it.setting.policy).and_then(after_send);
        self.least_ttl = match (self.least_ttl, ttl) {
            (Some(least), Some(ttl)) => Some(least.min(ttl)),
            (least, ttl) => least.or(ttl),
        };
        Some((key, &present.signing))
    }
}

fn after_send(policy: Policy) -> Option<u32> {
    match policy {
        Policy::AfterSend { ttl } => Some(ttl.get()),
        Policy::AfterRead { .. } | Policy::OnClose => None,
    }
}

impl OwnChain {
    pub(crate) fn write(&self, out: &mut StateWriter) {
        let Self { name: _, verifying_key, seal, began, sent, last_sent, least_ttl, seed, present } =
            self;
        verifying_key.write(out);
        seal.write(out);
        began.write(out);
        sent.write(out);
        last_sent.write(out);
        least_ttl.write(out);
        seed.write(out);
        present.is_some().write(out);
        if let Some(Present { chain_key, signing: _, signing_seed }) = present {
            chain_key.write(out);
            signing_seed.write(out);
        }
    }

    pub(crate) fn read(
        group: &[u8; 32],
        us: &OwnerBytes,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let (verifying_key, seal) = (*reader.array()?, *reader.array()?);
        let (began, sent, last_sent) =
            (Stored::read(reader)?, u8::read(reader)?, Stored::read(reader)?);
        let (least_ttl, seed) = (Stored::read(reader)?, Stored::read(reader)?);
        let present = if reader.flag()? {
            let (chain_key, signing_seed) =
                (Stored::read(reader)?, Box::<Secret<32>>::read(reader)?);
            let signing = Box::new(SignatureKeyPair::from_seed(&signing_seed));
            Some(Present { chain_key, signing, signing_seed })
        } else {
            None
        };
        let is_its =
            present.as_ref().is_none_or(|it| *it.signing.public().as_bytes() == verifying_key);
        if sent > LAST_NUMBER.saturating_add(1) || !is_its {
            return Err(DecodeError::Malformed);
        }
        let name = ChainName::of(group, us, &verifying_key);
        Ok(Self { name, verifying_key, seal, began, sent, last_sent, least_ttl, seed, present })
    }
}

/// The chains of this device that can be given: the present one last, and up to three before it.
pub(crate) struct OwnChains {
    chains: [Option<Box<OwnChain>>; CHAINS],
}

/// How many chains of this device are kept.
pub(crate) const CHAINS: usize = 4;

/// Where the present one is.
pub(crate) const PRESENT: usize = CHAINS - 1;

impl OwnChains {
    pub(crate) fn none() -> Self {
        Self { chains: [const { None }; CHAINS] }
    }

    pub(crate) fn get(&self, place: usize) -> Option<&OwnChain> {
        self.chains.get(place)?.as_deref()
    }

    pub(crate) fn present(&self) -> Option<&OwnChain> {
        self.get(PRESENT)
    }

    pub(crate) fn present_mut(&mut self) -> Option<&mut OwnChain> {
        self.chains.get_mut(PRESENT)?.as_deref_mut()
    }

    /// Those that there are, each with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &OwnChain)> {
        let places = self.chains.iter().enumerate();
        places.filter_map(|(place, chain)| Some((place, chain.as_deref()?)))
    }

    /// All before move one place to the front.
    pub(crate) fn begin(&mut self, chain: OwnChain) {
        self.chains.rotate_left(1);
        let [_, _, last, present] = &mut self.chains;
        last.iter_mut().for_each(|chain| chain.end());
        *present = Some(Box::new(chain));
    }

    /// Forgets seeds whose time is over, and ended chains without one. Says whether there were any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        for (place, kept) in self.chains.iter_mut().enumerate() {
            let forgot = kept.as_mut().is_some_and(|chain| chain.forget_seed(now));
            any |= forgot;
            if forgot && place != PRESENT {
                *kept = None;
            }
        }
        any
    }

    pub(crate) fn write(&self, out: &mut StateWriter) {
        for chain in &self.chains {
            chain.is_some().write(out);
            chain.iter().for_each(|chain| chain.write(out));
        }
    }

    pub(crate) fn read(
        group: &[u8; 32],
        us: &OwnerBytes,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let mut chains = Self::none();
        for place in &mut chains.chains {
            if reader.flag()? {
                *place = Some(Box::new(OwnChain::read(group, us, reader)?));
            }
        }
        Ok(chains)
    }
}
