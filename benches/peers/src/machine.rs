//! What it ran on: figures of different machines cannot be compared.

use std::fs;
use std::thread;

use rustix::system::uname;

pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub system: String,
    /// And how it was told to build.
    pub compiler: &'static str,
    /// How many programs wanted to run in the last minute, five and fifteen, on average.
    pub load: String,
}

impl Machine {
    pub fn here() -> Self {
        let uname = uname();
        let kernel = [uname.sysname(), uname.release(), uname.machine()];
        Self {
            processor: value("/proc/cpuinfo", "model name", ':').unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, usize::from),
            system: format!(
                "{} ({})",
                value("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(unknown),
                kernel.map(|part| part.to_string_lossy()).join(" "),
            ),
            compiler: env!("COMPILER"),
            load: load().unwrap_or_else(unknown),
        }
    }
}

/// What stands after `key` and `separator` in a file of such lines.
fn value(file: &str, key: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(separator)?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').into())
    })
}

fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    Some(averages.join(" "))
}

fn unknown() -> String {
    "unknown".into()
}
