//! What the fuzz targets share: fixed people, the encodings and derivations read a second time, and naive models that
//! foretell what the library must answer.

pub mod derivations;
pub mod formats;
pub mod people;

pub mod attachments;
pub mod bundles;
pub mod conversation;
pub mod hostile_device;
pub mod hostile_member;
pub mod hostile_peer;
pub mod households;
pub mod recipients;
pub mod reports;
pub mod server;
