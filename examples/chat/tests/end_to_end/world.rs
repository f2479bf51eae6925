//! A relay and a directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::process::Process;
use crate::terminal::Terminal;

pub struct World {
    directory: PathBuf,
    room: u32,
    pub relay: Process,
    /// Where the relay listens, also after a restart.
    pub address: String,
}

impl World {
    pub fn new(name: &str) -> Self {
        Self::with_room(name, 1_024)
    }

    /// A relay with so many MiB of room for blobs.
    pub fn with_room(name: &str, room: u32) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chat-{name}"));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let (relay, address) = start_relay(&directory, "127.0.0.1:0", room);
        Self { directory, room, relay, address }
    }

    pub fn restart_relay(&mut self) {
        self.relay.kill();
        (self.relay, self.address) = start_relay(&self.directory, &self.address, self.room);
    }

    /// Starts somebody, and waits until they have published.
    pub fn person(&self, name: &str) -> Process {
        let mut process = self.person_at(name, &self.address);
        process.wait_for("ONLINE");
        process
    }

    /// Starts somebody, who reaches the relay elsewhere or not at all.
    pub fn person_at(&self, name: &str, relay: &str) -> Process {
        Process::start(self.command(name, relay).env("CHAT_PASSPHRASE", "correct horse"))
    }

    pub fn command(&self, name: &str, relay: &str) -> Command {
        let mut command = chat();
        command.args(["as", name, "--plain", "--patience", "2", "--relay", relay]);
        command.arg("--store").arg(self.store(name));
        command
    }

    /// Starts somebody who sits before a screen.
    pub fn screen(&self, name: &str) -> Terminal {
        self.tall_screen(name, 24)
    }

    /// The same before one of so many rows.
    pub fn tall_screen(&self, name: &str, rows: u16) -> Terminal {
        let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_chat"))
            .args(["as", name, "--patience", "2", "--relay", &self.address, "--store"])
            .arg(self.store(name))
            .env("CHAT_PASSPHRASE", "correct horse");
        Terminal::start_with(command, rows)
    }

    pub fn store(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.chat"))
    }

    /// A file of the test's, in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The files of the blobs that the relay has.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let directory = fs::read_dir(self.directory.join("relay.sqlite.blobs")).unwrap();
        directory.map(|entry| entry.unwrap().path()).collect()
    }

    /// Changes the relay's store behind its back.
    pub fn change_relay(&self, sql: &str) {
        Connection::open(relay_store(&self.directory)).unwrap().execute_batch(sql).unwrap();
    }

    /// Gives an address free, as the relay's operator does.
    pub fn free(&self, name: &str) {
        let mut command = chat();
        command.args(["relay", "--free", name, "--store"]).arg(relay_store(&self.directory));
        assert!(command.status().unwrap().success());
    }

    /// All bytes of somebody's file and its log, whatever SQLite thinks of them.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let store = self.store(name).display().to_string();
        let ends = ["", "-wal", "-journal", "-shm"];
        ends.iter().flat_map(|end| fs::read(format!("{store}{end}")).unwrap_or_default()).collect()
    }

    /// Starts somebody who sits before a screen and is asked for the passphrase.
    pub fn asked(&self, name: &str) -> Terminal {
        let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_chat"))
            .args(["as", name, "--relay", &self.address, "--store"])
            .arg(self.store(name))
            .env_remove("CHAT_PASSPHRASE");
        Terminal::start(command)
    }

    /// The sealed rows of somebody's store by name, and the sealed keys of files.
    pub fn rows(&self, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.table(name, "SELECT name, sealed FROM rows UNION ALL SELECT name, sealed FROM files")
    }

    /// The sealed parts of files beside somebody's store, all of one file together.
    pub fn pieces(&self, name: &str) -> Vec<Vec<u8>> {
        let directory = fs::read_dir(format!("{}.files", self.store(name).display())).unwrap();
        directory.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    /// The sealed rows that are not held in memory: what proves messages.
    pub fn apart(&self, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.table(name, "SELECT name, sealed FROM apart")
    }

    /// What the relay's moderators see.
    pub fn reports(&self) -> String {
        let mut command = chat();
        command.args(["relay", "--reports", "--store"]).arg(relay_store(&self.directory));
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    fn table(&self, name: &str, sql: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.copied(name, |database| {
            let mut query = database.prepare(sql).unwrap();
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        })
    }

    /// What stands for words in the index of somebody's store.
    pub fn tokens(&self, name: &str) -> BTreeSet<String> {
        self.copied(name, |database| {
            let sql = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)";
            database.execute_batch(sql).unwrap();
            let mut query = database.prepare("SELECT term FROM temp.vocabulary").unwrap();
            query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        })
    }

    /// Looks into a copy of somebody's store: the process has it locked.
    fn copied<T>(&self, name: &str, look: impl FnOnce(&Connection) -> T) -> T {
        let copy = self.directory.join(format!("{name}.copy"));
        let ends = ["", "-wal"];
        for end in ends {
            let from = format!("{}{end}", self.store(name).display());
            let _ = fs::copy(from, format!("{}{end}", copy.display()));
        }
        let database = Connection::open(&copy).unwrap();
        let seen = look(&database);
        drop(database);
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", copy.display()));
        }
        seen
    }
}

impl Drop for World {
    /// What a failed test leaves stays to be looked at.
    fn drop(&mut self) {
        self.relay.kill();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn start_relay(directory: &Path, listen: &str, room: u32) -> (Process, String) {
    let mut command = chat();
    command.args(["relay", "--log", "--room", &room.to_string(), "--listen", listen, "--store"]);
    command.arg(relay_store(directory));
    let mut relay = Process::start(&mut command);
    let address = relay.wait_for("listening on");
    (relay, address)
}

fn relay_store(directory: &Path) -> PathBuf {
    directory.join("relay.sqlite")
}

fn chat() -> Command {
    Command::new(env!("CARGO_BIN_EXE_chat"))
}
