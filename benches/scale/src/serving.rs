//! One thread that serves peers out of a store: what comes is decrypted, stored and then acknowledged, what is said is
//! stored and then sent.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use evanesce::{Account, Peer, PeerDecryptError};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustix::time::{ClockId, clock_gettime};

use crate::conversations::{AD, NOW, Step, World, address, answered};
use crate::store::Store;

/// How many rows are written at once when the store is filled.
const FILLING: usize = 10_000;

/// Where the state of a peer is when a message of its comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Memory,
    Store,
}

impl fmt::Display for Where {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Store => "store",
        })
    }
}

/// The account, for those who need it: when a session begins.
pub struct Office {
    account: Account,
    store: Store,
}

/// What was served, and what it took.
#[derive(Default)]
pub struct Served {
    /// From when each message was taken up until what came of it was on the disk.
    pub waits: Vec<Duration>,
    /// All of it, by the wall.
    pub elapsed: Duration,
    /// What the thread had of a processor, with all that SQLite and the system did for it.
    pub processor: Duration,
    /// Of that, in calls of the library that unseal, decrypt, encrypt and seal.
    pub in_library: Duration,
}

pub struct Server<'world> {
    world: &'world World,
    store: Store,
    /// How far the conversation of each row is.
    steps: Vec<usize>,
    peers: Option<Vec<Peer>>,
    /// How many sessions have begun here with peers that have been nobody.
    begun: usize,
    rng: ChaCha20Rng,
}

impl Office {
    pub fn open(world: &World, file: &Path) -> Result<Self, Box<dyn Error>> {
        let (account, mut store) = (world.account(), Store::create(file)?);
        store.save_account(&account)?;
        Ok(Self { account, store })
    }
}

impl<'world> Server<'world> {
    /// Over a new store with so many peers, none of which is in memory.
    pub fn over(world: &'world World, file: &Path, rows: usize) -> Result<Self, Box<dyn Error>> {
        let mut store = Store::create(file)?;
        for start in (0..rows).step_by(FILLING) {
            store.begin()?;
            for row in start..rows.min(start + FILLING) {
                let snapshot = &world.of(row).snapshots[World::place(row)];
                let sealed = store.seal(row, &Peer::restore(snapshot)?);
                store.put_peer(row, &sealed)?;
            }
            store.commit()?;
        }
        store.tidy()?;
        let rng = ChaCha20Rng::seed_from_u64(3);
        let steps = (0..rows).map(World::first_step).collect();
        Ok(Self { world, store, steps, peers: None, begun: 0, rng })
    }

    /// Loads all peers, or lets go of them.
    pub fn keep(&mut self, place: Where) -> Result<(), Box<dyn Error>> {
        self.peers = match place {
            Where::Memory => Some(self.store.peers()?),
            Where::Store => None,
        };
        Ok(())
    }

    /// Serves so many messages of random peers, a transaction for each `batch` of them. In their midst each of `first`
    /// begins a session, which takes the account.
    pub fn serve(
        &mut self,
        count: usize,
        batch: usize,
        first: &[Vec<u8>],
        office: &Mutex<Office>,
    ) -> Result<Served, Box<dyn Error>> {
        let next: Vec<_> = (0..count).map(|_| self.next()).collect();
        let mut first = first.iter();
        let apart = count / (first.len() + 1) + 1;
        let mut served = Served::default();
        let (start, from) = (Instant::now(), processor_time());
        for (number, next) in next.chunks(batch).enumerate() {
            let mut taken = Vec::with_capacity(batch);
            self.store.begin()?;
            self.store.empty_outbox()?;
            for (place, (row, step)) in next.iter().enumerate() {
                taken.push(Instant::now());
                served.in_library += self.go_on(*row, *step)?;
                if (number * batch + place) % apart == apart - 1
                    && let Some(message) = first.next()
                {
                    self.begin_session(message, office)?;
                }
            }
            self.store.commit()?;
            // Now what came is acknowledged, and what stands in the outbox is sent.
            served.waits.extend(taken.iter().map(Instant::elapsed));
        }
        served.elapsed = start.elapsed();
        served.processor = processor_time() - from;
        Ok(served)
    }

    /// A random row whose conversation is not at its end, and its next step.
    fn next(&mut self) -> (usize, usize) {
        loop {
            let row = self.rng.next_u64() as usize % self.steps.len();
            let step = self.steps[row];
            if step < self.world.of(row).steps.len() {
                self.steps[row] += 1;
                return (row, step);
            }
        }
    }

    /// One step of a conversation; says how long the library took.
    fn go_on(&mut self, row: usize, place: usize) -> Result<Duration, Box<dyn Error>> {
        let step = &self.world.of(row).steps[place];
        let stored = match self.peers {
            Some(_) => None,
            None => Some(self.store.sealed_peer(row)?),
        };
        let from = processor_time();
        let mut loaded = None;
        let peer = match (&mut self.peers, stored) {
            (Some(peers), _) => &mut peers[row],
            (None, stored) => loaded.insert(self.store.unseal(row, &stored.unwrap_or_default())?),
        };
        let came = match step {
            Step::Receive(message) => Some(peer.decrypt_established(message, AD, NOW)?),
            Step::Send(expected) => {
                let message = answered(peer, row, place);
                assert!(message == *expected, "row {row} is not where it should be");
                None
            }
        };
        let sealed = self.store.seal(row, peer);
        let library = processor_time() - from;
        self.store.put_peer(row, &sealed)?;
        match (step, came) {
            (_, Some(delivered)) => self.store.add_message(row, &delivered.received.body)?,
            (Step::Receive(message) | Step::Send(message), None) => {
                self.store.add_to_outbox(message)?;
            }
        }
        Ok(library)
    }

    /// A session that begins, with a peer that has been nobody: peer and message are committed first, then the account.
    fn begin_session(
        &mut self,
        message: &[u8],
        office: &Mutex<Office>,
    ) -> Result<(), Box<dyn Error>> {
        let mut peer = Peer::new(address("a user"));
        let refusal = peer.decrypt_established(message, AD, NOW).map(drop);
        assert_eq!(refusal, Err(PeerDecryptError::NeedsAccount));
        let mut office = office.lock().unwrap_or_else(PoisonError::into_inner);
        let Office { account, store } = &mut *office;
        let delivered = peer.decrypt(account, message, AD, NOW)?;
        // No further message of it comes here, so it is not among those that are drawn.
        let row = self.steps.len() + self.begun;
        self.begun += 1;
        let sealed = self.store.seal(row, &peer);
        self.store.put_peer(row, &sealed)?;
        self.store.add_message(row, &delivered.received.body)?;
        self.store.commit()?;
        assert!(delivered.changes.account, "a prekey was spent");
        store.save_account(account)?;
        drop(office);
        Ok(self.store.begin()?)
    }
}

/// The time that this thread has had of a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it counts from zero");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a billion"))
}
