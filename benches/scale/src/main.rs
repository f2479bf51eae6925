//! What a message takes where an account has a thousand conversations, and where it has a million.
//!
//! ```sh
//! cargo scale                      # at the root of the repository: a thousand to a million, in Markdown
//! cargo scale --peers 2000         # so many at most
//! cargo scale --messages 5000      # fewer than 20,000 of each kind
//! cargo scale --plot docs/scale.svg
//! cargo scale --directory DIR      # where the stores are made, in place of the directory for temporary files
//! ```
//!
//! The peers of one account are loaded out of SQLite. Then random ones of them have a message, three of four a message that
//! comes and the fourth an answer of ours, and each is stored as the page of the module `snapshot` says: peer and message
//! in one transaction, and only then it counts as acknowledged, or is sent. The machine may do other things as well: what
//! the thread had of a processor does not move with those, the rest does.

mod conversations;
mod measured;
mod plot;
mod serving;
mod store;

#[path = "../../peers/src/machine.rs"]
mod machine;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

use crate::conversations::World;
use crate::machine::Machine;
use crate::measured::{Measured, micros};
use crate::plot::Curve;
use crate::serving::{Office, Served, Server, Where};

const USAGE: &str =
    "usage: scale [--peers NUMBER] [--messages NUMBER] [--plot FILE] [--directory DIRECTORY]";

/// How many peers in the first row of the table.
const LEAST: usize = 1_000;

/// How many messages share a transaction where several do.
const BATCH: usize = 64;

/// How often everything is measured, in turns.
const ROUNDS: usize = 3;

/// Of so many messages one begins a session, where several threads serve.
const BEGINNING: usize = 500;

struct Arguments {
    peers: usize,
    messages: usize,
    plot: Option<PathBuf>,
    directory: PathBuf,
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let measured = fs::create_dir_all(&arguments.directory)
        .map_err(Into::into)
        .and_then(|()| measure(&arguments));
    let cleared = fs::remove_dir_all(&arguments.directory);
    match measured.and_then(|()| Ok(cleared?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn read() -> Option<Self> {
        let directory = std::env::temp_dir();
        let mut read = Self { peers: 1_000_000, messages: 20_000, plot: None, directory };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next()?;
            match name.as_str() {
                "--peers" => read.peers = value.parse().ok().filter(|peers| *peers >= LEAST)?,
                "--messages" => read.messages = value.parse().ok().filter(|all| *all >= 1_000)?,
                "--plot" => read.plot = Some(value.into()),
                "--directory" => read.directory = value.into(),
                _ => return None,
            }
        }
        // More than this the conversations of the fewest peers do not hold.
        read.messages = read.messages.min(20_000);
        read.directory.push(format!("evanesce-scale-{}", std::process::id()));
        Some(read)
    }
}

fn measure(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let machine = Machine::here();
    println!(
        "{}, {} cores; {}; {}. Load before: {}.\n",
        machine.processor, machine.cores, machine.system, machine.compiler, machine.load
    );
    let start = Instant::now();
    let world = World::new(arguments.messages * 2 / BEGINNING);
    let mut curves = Curve::all();
    one_thread(arguments, &world, &mut curves)?;
    if let Some(file) = &arguments.plot {
        fs::write(file, plot::drawn(&curves))?;
    }
    several_threads(arguments, &world)?;
    println!(
        "\nLoad afterwards: {}. All of it: {} s.",
        Machine::here().load,
        start.elapsed().as_secs()
    );
    Ok(())
}

/// The cost of a message by how many peers there are: all sizes in turns, so that what else the machine does is in each.
fn one_thread(
    arguments: &Arguments,
    world: &World,
    curves: &mut [Curve],
) -> Result<(), Box<dyn Error>> {
    println!(
        "| peers | on disk, a peer | where they are | loaded, a peer | memory, a peer | of all | messages in a transaction | messages a second | processor, a message | of that the library | 50th | 99th | 99.9th |"
    );
    println!(
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    let powers = std::iter::successors(Some(LEAST), |peers| peers.checked_mul(10));
    let below = powers.take_while(|peers| *peers < arguments.peers);
    let office = Mutex::new(Office::open(world, &arguments.directory.join("account.sqlite"))?);
    let mut sizes = Vec::new();
    for peers in below.chain([arguments.peers]) {
        let file = arguments.directory.join(format!("{peers}.sqlite"));
        let server = Server::over(world, &file, peers)?;
        let on_disk = fs::metadata(&file)?.len() / u64::try_from(peers)?;
        sizes.push((peers, on_disk, server));
    }
    for place in [Where::Store, Where::Memory] {
        let mut loaded = Vec::new();
        for (peers, _, server) in &mut sizes {
            let (before, start) = (resident()?, Instant::now());
            server.keep(place)?;
            let each = micros(start.elapsed() / u32::try_from(*peers)?);
            let grown = resident()?.saturating_sub(before);
            loaded.push(match place {
                Where::Memory => {
                    format!("{each} | {} B | {:.1} MB", grown / *peers, grown as f64 / 1e6)
                }
                Where::Store => "– | – | –".into(),
            });
        }
        for batch in [1, BATCH] {
            // One by one most of the time is the disk's.
            let count = if batch == 1 { arguments.messages / 4 } else { arguments.messages };
            let mut measured: Vec<_> = sizes.iter().map(|_| Measured::default()).collect();
            for _ in 0..ROUNDS {
                for ((_, _, server), measured) in sizes.iter_mut().zip(&mut measured) {
                    measured.add(server.serve(count / ROUNDS, batch, &[], &office)?);
                }
            }
            let all = sizes.iter().zip(loaded.iter().zip(&measured));
            for ((peers, on_disk, _), (loaded, measured)) in all {
                println!(
                    "| {} | {on_disk} B | {place} | {loaded} | {batch} | {} |",
                    thousands(*peers),
                    measured.cells(),
                );
                curves.iter_mut().for_each(|curve| curve.add(place, batch, *peers, measured));
            }
        }
    }
    drop((sizes, office));
    remove_stores(&arguments.directory)
}

/// The same by two threads, each with a store of its own: of an account each, and of one account that both go to where a
/// session begins.
fn several_threads(arguments: &Arguments, world: &World) -> Result<(), Box<dyn Error>> {
    println!(
        "\n{} peers in memory, {BATCH} messages in a transaction, of {BEGINNING} messages one that begins a session:\n",
        thousands(arguments.peers)
    );
    println!(
        "| threads | accounts | messages a second | processor, a message | of that the library | 50th | 99th | 99.9th |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let ways = [(1, 1), (2, 2), (2, 1)];
    let mut measured = ways.map(|_| Measured::default());
    for _ in 0..ROUNDS {
        for ((threads, accounts), measured) in ways.iter().zip(&mut measured) {
            measured.add(spread(arguments, world, *threads, *accounts)?);
        }
    }
    for ((threads, accounts), measured) in ways.iter().zip(&measured) {
        println!("| {threads} | {accounts} | {} |", measured.cells());
    }
    let [one, several, shared] = measured.map(|measured| measured.speed());
    println!(
        "\nTwo threads with an account each served ×{:.2} of one, with one account ×{:.2}.",
        several / one,
        shared / one
    );
    Ok(())
}

/// Serves by so many threads with so many accounts.
fn spread(
    arguments: &Arguments,
    world: &World,
    threads: usize,
    accounts: usize,
) -> Result<Served, Box<dyn Error>> {
    let offices = (0..accounts).map(|number| {
        let file = arguments.directory.join(format!("account-{number}.sqlite"));
        Ok(Mutex::new(Office::open(world, &file)?))
    });
    let offices = offices.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let ready = Barrier::new(threads);
    let serve = |number: usize| -> Result<Served, String> {
        let file = arguments.directory.join(format!("part-{number}.sqlite"));
        let made = Server::over(world, &file, arguments.peers / threads);
        let made = made.and_then(|mut server| server.keep(Where::Memory).map(|()| server));
        // All wait for each other, whatever has failed.
        ready.wait();
        let first = &world.first_messages;
        let share = first.len() / threads;
        let first = &first[number * share..(number + 1) * share];
        let count = arguments.messages * 2 / threads;
        let office = &offices[number % accounts];
        made.and_then(|mut server| server.serve(count, BATCH, first, office))
            .map_err(|error| error.to_string())
    };
    let all = thread::scope(|scope| {
        let serve = &serve;
        let running: Vec<_> =
            (0..threads).map(|number| scope.spawn(move || serve(number))).collect();
        let ended =
            running.into_iter().map(|one| one.join().map_err(|_| "it panicked".to_string())?);
        ended.collect::<Result<Vec<_>, String>>()
    })?;
    let mut together = Served::default();
    for served in all {
        together.waits.extend(served.waits);
        together.processor += served.processor;
        together.in_library += served.in_library;
        together.elapsed = together.elapsed.max(served.elapsed);
    }
    drop(offices);
    remove_stores(&arguments.directory)?;
    Ok(together)
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1_024)
}

fn remove_stores(directory: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    parts.join(",")
}
