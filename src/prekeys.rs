//! What Bob publishes so that Alice can write while he is away.

pub(crate) mod prekey_pair;
pub(crate) mod publication;
pub(crate) mod published;
pub(crate) mod replay_record;
pub(crate) mod verified_bundle;

pub(crate) mod one_time_prekey;

pub(crate) mod signed_prekey;

pub(crate) mod found_prekeys;

pub(crate) mod prekey_store;
