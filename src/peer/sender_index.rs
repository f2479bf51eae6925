//! Whom a message is of, found by what each peer will send next.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::peer::other_device::Peer;
use crate::session::message_tag::MessageTag;
use crate::session::one_conversation::Session;

/// How many messages of each chain are known in advance: so many can be lost in a row.
const AHEAD: u32 = 8;

/// Finds who sent a message, where no transport says so, among thousands of peers without asking them: by the tags of
/// what each of them will send next ([`Peer::expected`]). `Key` is the application's name for a peer: the number of its
/// row, its place in a list.
///
/// Not found are the first message after each turn of the conversation, what is late, what comes after more than eight
/// that were lost, and what begins a session: ask the peers then ([`Peer::find_sender`]). What is found is offered to the
/// peer, which may refuse it all the same: whoever has seen a message can make others of its tag.
///
/// It is built when peers are loaded, and told of each that changed; it is not stored. It takes some 400 bytes for each
/// session, and has no secret; but who has read it can tell whom the next messages are of.
///
/// ```
/// # use evanesce::server::PublishedPreKeys;
/// # use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, SenderIndex, Timestamp};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
/// # let now = Timestamp::from_unix_seconds(1_800_000_000);
/// # let mut alice = Account::generate(Address::new("alice")?, now, rng);
/// # let mut bob = Account::generate(Address::new("bob")?, now, rng);
/// # let mut server = PublishedPreKeys::new(bob.maintain(None, now, rng).upload.unwrap());
/// # let mut at_alice = Peer::new(Address::new("bob")?);
/// # let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
/// # at_alice.initiate(&alice, bundle, now, rng)?;
/// # let first = at_alice.encrypt(&Payload::new("Hello"), b"", now, rng)?.message;
/// # let mut peers = vec![Peer::new(Address::new("carol")?), Peer::new(Address::new("alice")?)];
/// # peers[1].decrypt(&mut bob, &first, b"", now)?;
/// # let message = at_alice.encrypt(&Payload::new("Bob?"), b"", now, rng)?.message;
/// let mut index = SenderIndex::new();
/// for (place, peer) in peers.iter().enumerate() {
///     index.note(place, peer);
/// }
///
/// // Something comes, and nobody says from whom.
/// let place = index.find(&message).copied().or_else(|| Peer::find_sender(&message, &peers));
/// let place = place.ok_or("nobody that is known")?;
/// peers[place].decrypt(&mut bob, &message, b"", now)?;
/// index.note(place, &peers[place]);
/// # assert_eq!(place, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SenderIndex<Key> {
    by_tag: BTreeMap<MessageTag, Key>,
    /// What is in it of each peer, one run for each chain, in the order in which the messages are sent.
    runs: BTreeMap<Key, Vec<Vec<MessageTag>>>,
}

impl<Key: Ord + Clone> SenderIndex<Key> {
    /// Without any peer.
    #[must_use]
    pub fn new() -> Self {
        Self { by_tag: BTreeMap::new(), runs: BTreeMap::new() }
    }

    /// Notes what a peer will send next, in place of what was noted of it. To be called when it is loaded, and after each
    /// call that changed it. Costs a sealed header, some hundred nanoseconds, for each tag that is new, and one for each
    /// session.
    pub fn note(&mut self, key: Key, peer: &Peer) {
        let before = self.runs.remove(&key).unwrap_or_default();
        let mut runs = Vec::new();
        for session in peer.sessions() {
            runs.extend(session.expected(0).map(|initial| Vec::from([initial])));
            runs.extend(run_of(session, &before));
        }
        for tag in before.into_iter().flatten() {
            if self.by_tag.get(&tag) == Some(&key) {
                self.by_tag.remove(&tag);
            }
        }
        self.by_tag.extend(runs.iter().flatten().map(|tag| (*tag, key.clone())));
        if !runs.is_empty() {
            self.runs.insert(key, runs);
        }
    }

    /// Forgets a peer.
    pub fn forget(&mut self, key: &Key) {
        for tag in self.runs.remove(key).into_iter().flatten().flatten() {
            if self.by_tag.get(&tag) == Some(key) {
                self.by_tag.remove(&tag);
            }
        }
    }

    /// Who sent a message, if it is one that was expected.
    #[must_use]
    pub fn find(&self, message: &[u8]) -> Option<&Key> {
        self.by_tag.get(&MessageTag::of(message)?)
    }
}

/// The tags of the chain that a peer sends in. Those that were known before are not sealed again: all lie between the
/// first and the last one of a run.
fn run_of(session: &Session, before: &[Vec<MessageTag>]) -> Option<Vec<MessageTag>> {
    let first = session.upcoming(0..1).next()?;
    let known = before.iter().find_map(|run| {
        let place = run.iter().position(|tag| *tag == first)?;
        run.get(place..)
    });
    let mut run = known.map_or_else(|| Vec::from([first]), <[MessageTag]>::to_vec);
    let skipped = u32::try_from(run.len()).unwrap_or(AHEAD);
    run.extend(session.upcoming(skipped..AHEAD));
    Some(run)
}

impl<Key: Ord + Clone> Default for SenderIndex<Key> {
    fn default() -> Self {
        Self::new()
    }
}

/// How much there is.
impl<Key> fmt::Debug for SenderIndex<Key> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SenderIndex");
        shown.field("peers", &self.runs.len()).field("tags", &self.by_tag.len()).finish()
    }
}
