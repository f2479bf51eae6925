//! People in a group who have its secrets and keep to nothing: rosters, chains, wants and messages of their making, and what
//! the devices of two who keep to the protocol must make of them.

pub mod cast;

pub mod crafting;

pub mod event;

pub mod visit;
