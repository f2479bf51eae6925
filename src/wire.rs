//! Bytes to shapes and back: all or nothing, bounded, one encoding for each value. No secrets are
//! known here and nothing is decided.

pub(crate) mod suite;

pub(crate) mod codec;

pub(crate) mod content_parts;
pub(crate) mod header;
pub(crate) mod padding;
pub(crate) mod prekey_public;
pub(crate) mod stamp;

pub(crate) mod blob_layout;
pub(crate) mod control;
pub(crate) mod notice;
pub(crate) mod prekey_bundle;

pub(crate) mod device_list;
pub(crate) mod linking;
pub(crate) mod message;
pub(crate) mod payload;
pub(crate) mod prekey_stock;
pub(crate) mod prekey_upload;
pub(crate) mod roster;

pub(crate) mod group_message;
pub(crate) mod plaintext;

pub(crate) mod distribution;
