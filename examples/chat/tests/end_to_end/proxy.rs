//! A carrier between client and relay that drops, repeats, reorders and damages frames.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub struct Proxy {
    pub address: String,
    faults: Arc<Faults>,
}

/// How many of a hundred frames each fault takes, and what became of them.
struct Faults {
    rng: Mutex<ChaCha20Rng>,
    each: AtomicU64,
    counts: [AtomicU32; 4],
}

impl Proxy {
    pub fn start(relay: &str, seed: u64, percent_each: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let faults = Arc::new(Faults {
            rng: Mutex::new(ChaCha20Rng::seed_from_u64(seed)),
            each: AtomicU64::new(percent_each),
            counts: [const { AtomicU32::new(0) }; 4],
        });
        let (relay, shared) = (relay.to_owned(), Arc::clone(&faults));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&relay) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let faults = Arc::clone(&shared);
                    thread::spawn(move || carry(from, to, &faults));
                }
            }
        });
        Self { address, faults }
    }

    /// How many frames were dropped, repeated, held back and damaged.
    pub fn counts(&self) -> [u32; 4] {
        [0, 1, 2, 3].map(|fault: usize| self.faults.counts[fault].load(Ordering::Relaxed))
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, faults: &Faults) {
    let mut held: Option<Vec<u8>> = None;
    while let Some(mut frame) = read_frame(&mut from) {
        let (fault, place) = {
            let mut rng = faults.rng.lock().unwrap();
            (rng.next_u64() % 100 / faults.each.load(Ordering::Relaxed), rng.next_u64())
        };
        if let Some(count) = usize::try_from(fault).ok().and_then(|it| faults.counts.get(it)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let frames = match fault {
            0 => vec![],
            1 => vec![frame.clone(), frame],
            2 if held.is_none() => {
                held = Some(frame);
                continue;
            }
            3 => {
                let length = u64::try_from(frame.len()).unwrap();
                frame[usize::try_from(place % length).unwrap()] ^= 1 << (place >> 32 & 7);
                vec![frame]
            }
            _ => vec![frame],
        };
        // What was held back comes after the next one.
        for frame in frames.into_iter().chain(held.take()) {
            if to.write_all(&frame).is_err() {
                return;
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn read_frame(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut frame = vec![0; 12];
    from.read_exact(&mut frame).ok()?;
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap());
    let mut body = vec![0; usize::try_from(length).unwrap()];
    from.read_exact(&mut body).ok()?;
    frame.extend(body);
    Some(frame)
}
