//! The messenger as processes: a relay and people on the loopback device, with files in a temporary directory.

mod process;

mod person;
mod proxy;
mod terminal;

mod world;

mod conversation;
mod devices;
mod faults;
mod files;
mod find;
mod groups;
mod identity;
mod kills;
mod lives;
mod passphrases;
mod reports;
mod returns;
mod screens;
