//! What is written to the device, and what is known of it beforehand.

use evanesce::Payload;

use crate::derivations::Key;

/// Where a message says that it stands.
#[derive(Clone, Debug)]
pub struct Header {
    pub ratchet_key: Key,
    pub previous_length: u32,
    pub number: u32,
    /// pq; in suite 1 it has no place.
    pub mixed: u32,
}

/// What stands before a stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Nothing,
    Key(Run),
    Ciphertext(Run),
    /// None that is allowed.
    Broken,
}

/// Fragments with their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub id: [u8; 4],
    pub fragments: Vec<(u8, [u8; 32])>,
}

/// A message by whoever holds the keys.
#[derive(Clone, Debug)]
pub struct Letter {
    pub bytes: Vec<u8>,
    /// The holder's chain in which it was sealed: its header key and its chain key.
    pub chain: usize,
    pub header: Header,
    pub control: Control,
    pub payload: Payload,
}

impl Run {
    /// So many fragments of a string, from one on and round.
    pub fn cut(string: &[u8], id: [u8; 4], first: u8, count: u8) -> Self {
        let (all, _) = string.as_chunks();
        let numbers = (0..string.len() / 32).cycle().skip(first.into()).take(count.into());
        let fragments = numbers.map(|number| (u8::try_from(number).expect("37"), all[number]));
        Self { id, fragments: fragments.collect() }
    }

    /// The run of a control, as a receiver reads it.
    pub fn read(bytes: &[u8], fragments: u8) -> Self {
        let (head, rest) = bytes.split_first_chunk::<6>().expect("a run");
        let [_, first, id @ ..] = *head;
        let (all, _) = rest.as_chunks();
        let numbers = (0..fragments).cycle().skip(first.into());
        Self { id, fragments: numbers.zip(all.iter().copied()).collect() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let count = u8::try_from(self.fragments.len()).expect("37 at most");
        let first = self.fragments.first().map_or(0, |(number, _)| *number);
        let fragments = self.fragments.iter().flat_map(|(_, fragment)| *fragment);
        [count, first].into_iter().chain(self.id).chain(fragments).collect()
    }
}
