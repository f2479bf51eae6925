//! What it costs to seal a file and to open it: evanesce, its floor and age, in one run.
//!
//! ```sh
//! cargo files                      # at the root of the repository: tables, in Markdown
//! cargo files --rounds 3           # fewer than 30
//! ```
//!
//! In each round everybody seals the same file in memory and opens what came of it, one after the other, and in the next
//! round somebody else is first. What comes out is looked at and not kept. Time is that of the thread on a processor; for
//! two threads, whose work is to be over sooner, it is that of the wall. A figure is the median of all rounds, a ratio the
//! median of the ratios of each round.

#[path = "../../peers/src/clock.rs"]
mod clock;
#[path = "../../peers/src/machine.rs"]
mod machine;
#[path = "../../peers/src/statistics.rs"]
mod statistics;

mod contenders;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::clock::{Clock, nanoseconds};
use crate::contenders::{AGE, BY_CHUNKS, FLOOR, FRONT_TO_BACK};
use crate::machine::Machine;
use crate::statistics::{Quartiles, ratios};

const USAGE: &str = "usage: files [--rounds NUMBER]";

const ROUNDS: usize = 30;

/// Bytes of the file.
const SIZE: usize = 64 << 20;

/// What was measured of one direction, for each contender in nanoseconds of each round.
type Figures = [Vec<f64>; contenders::COUNT];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let rounds = match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, None, None) => Some(ROUNDS),
        (Some("--rounds"), Some(number), None) => number.parse().ok().filter(|rounds| *rounds != 0),
        _ => None,
    };
    let Some(rounds) = rounds else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let file: Vec<u8> = (0..SIZE).map(|place| (place / 7).to_le_bytes()[0]).collect();
    let machine = Machine::here();
    println!(
        "{}, {} cores; {}; {}.",
        machine.processor, machine.cores, machine.system, machine.compiler
    );
    println!("{rounds} rounds; load before: {}.\n", machine.load);
    one_thread(&file, rounds);
    two_threads(&file, rounds);
    println!("\nLoad afterwards: {}.", Machine::here().load);
    ExitCode::SUCCESS
}

fn one_thread(file: &[u8], rounds: usize) {
    let clock = Clock::calibrated();
    let mut contenders = contenders::all(file);
    let [mut sealing, mut opening]: [Figures; 2] = Default::default();
    // In the first round everything is touched for the first time: it does not count.
    for round in 0..=rounds {
        for place in 0..contenders.len() {
            let number = (place + round) % contenders.len();
            let contender = &mut contenders[number];
            let ((), sealed) = clock.time(|| contender.seal(file));
            let ((), opened) = clock.time(|| contender.open(&mut |bytes| _ = black_box(bytes)));
            if round != 0 {
                sealing[number].push(nanoseconds(sealed));
                opening[number].push(nanoseconds(opened));
            }
        }
    }
    println!(
        "| {} MiB on one thread | sealing | of the floor | opening | of the floor |",
        SIZE >> 20
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (number, contender) in contenders.iter().enumerate() {
        let cells = [&sealing, &opening].map(|figures| {
            let speed = SIZE as f64 * 1e3 / Quartiles::of(&figures[number]).median;
            let ratio = Quartiles::of(&ratios(&figures[FLOOR], &figures[number])).median;
            format!("{speed:.0} MB/s | {ratio:.3}")
        });
        println!("| {} | {} |", contender.name(), cells.join(" | "));
    }
    println!();
    for (name, number) in [("front to back", FRONT_TO_BACK), ("by chunks", BY_CHUNKS)] {
        for (direction, figures) in [("sealing", &sealing), ("opening", &opening)] {
            for (base, base_number, bound) in [("the floor", FLOOR, 0.95), ("age", AGE, 1.0)] {
                let ratio = ratios(&figures[base_number], &figures[number]);
                let measured = Quartiles::of(&ratio).median;
                let verdict = if measured >= bound { "met" } else { "**not met**" };
                println!(
                    "- {direction} {name}, of the speed of {base}: at least {bound:.2}, measured {measured:.3}: {verdict}"
                );
            }
        }
    }
}

/// Chunks are sealed by a pure function, half of them by each thread. Beside it what the machine gives at most: the floor,
/// likewise.
fn two_threads(file: &[u8], rounds: usize) {
    let work = contenders::InParts::new(file);
    let wall = |threads: usize, part: &(dyn Fn(usize, usize) + Sync)| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for number in 0..threads {
                scope.spawn(move || part(number, threads));
            }
        });
        start.elapsed()
    };
    let faster = |part: &(dyn Fn(usize, usize) + Sync)| {
        let times = (0..rounds).map(|_| [wall(1, part), wall(2, part)]);
        let ratio = |[one, two]: [Duration; 2]| nanoseconds(one) / nanoseconds(two);
        Quartiles::of(&times.map(ratio).collect::<Vec<_>>()).median
    };
    println!("\n| two threads, by the wall | times one |");
    println!("| --- | ---: |");
    println!("| floor | {:.2} |", faster(&|part, of| work.floor(part, of)));
    let measured = faster(&|part, of| work.seal(part, of));
    let verdict = if measured >= 1.8 { "met" } else { "**not met**" };
    println!("| evanesce, by chunks | {measured:.2} |");
    println!(
        "\n- sealing by chunks on two threads, of one: at least 1.80, measured {measured:.2}: {verdict}"
    );
}
