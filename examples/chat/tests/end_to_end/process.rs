//! A process whose lines are read as they come, and which ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes nearly so long.
pub const PATIENCE: Duration = Duration::from_secs(40);

pub struct Process {
    child: Arc<Mutex<Child>>,
    stdin: ChildStdin,
    output: Arc<Output>,
    /// How many lines have been waited for.
    read: usize,
}

pub struct Killer(Arc<Mutex<Child>>);

#[derive(Default)]
struct Output {
    state: Mutex<(Vec<String>, bool)>,
    grown: Condvar,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = Arc::new(Output::default());
        let shared = Arc::clone(&output);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                shared.state.lock().unwrap().0.push(line);
                shared.grown.notify_all();
            }
            shared.state.lock().unwrap().1 = true;
            shared.grown.notify_all();
        });
        Self { child: Arc::new(Mutex::new(child)), stdin, output, read: 0 }
    }

    /// Says a line; to one who is dead it says nothing.
    pub fn say(&mut self, line: &str) {
        let _ = writeln!(self.stdin, "{line}");
    }

    /// Waits for a line that begins so, after those waited for before; gives the rest of it.
    pub fn wait_for(&mut self, start: &str) -> String {
        self.wait_or_end(start).unwrap_or_else(|| {
            panic!("no line {start:?} came, but these:\n{}", self.lines().join("\n"))
        })
    }

    /// The same; nothing if the process ends first.
    pub fn wait_or_end(&mut self, start: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.output.state.lock().unwrap();
        loop {
            let (lines, ended) = &*state;
            let found = lines[self.read..].iter().position(|line| line.starts_with(start));
            if let Some(place) = found {
                let rest = lines[self.read + place][start.len()..].trim_start().to_owned();
                self.read += place + 1;
                return Some(rest);
            }
            if *ended {
                return None;
            }
            let left = deadline.checked_duration_since(Instant::now());
            let Some(left) = left else {
                panic!("no line {start:?} came in time, but these:\n{}", lines.join("\n"));
            };
            state = self.output.grown.wait_timeout(state, left).unwrap().0;
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.output.state.lock().unwrap().0.clone()
    }

    pub fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }

    /// SIGKILL: nothing is tidied up.
    pub fn kill(&mut self) {
        self.killer().kill();
    }

    /// Kills it from another thread, at whatever moment.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.child))
    }

    /// Waits until it ends by itself.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("the process does not end");
    }
}

impl Killer {
    pub fn kill(&self) {
        let mut child = self.0.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
