//! Beginnings: a new account, or one that comes back from its rows.

use std::collections::BTreeMap;
use std::fmt;

use evanesce::expiry::{ExpiryScheduler, Now};
use evanesce::group::{Group, Groups, HeldMessages, Invitations};
use evanesce::person::{Contacts, OwnDevices, Person as KnownPerson};
use evanesce::rand_core::CryptoRng;
use evanesce::{Account, Peer};
use serde::de::DeserializeOwned;

use crate::engine::group_rows::HeldLetters;
use crate::engine::outcome::Outcome;
use crate::engine::person::{Notes, Person};
use crate::engine::state::{Engine, Place, Profile};
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Token;
use crate::row::{Held, Row};

/// Why an engine does not come back. Nothing is begun anew then: with the account goes the identity that others know.
#[derive(Debug)]
pub enum LoadError {
    /// It is somebody else's.
    OtherName(Name),
    /// A row is missing, or does not say what it should.
    Damaged,
}

impl Engine {
    /// Takes the engine back from its rows, or makes a new one of none.
    pub fn begin(
        name: &Name,
        rows: Vec<Held>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Outcome), LoadError> {
        let mut engine =
            if rows.is_empty() { Self::create(name, now, rng) } else { Self::load(name, rows)? };
        engine.notice(Notice::Ready(name.clone()));
        let outcome = engine.tick(now, rng);
        Ok((engine, outcome))
    }

    fn create(name: &Name, now: Now, rng: &mut dyn CryptoRng) -> Self {
        let mut account = Account::generate(name.address(), now.timestamp(), rng);
        // The profile is stored, and with it the account.
        let _ = account.maintain(None, now.timestamp(), rng);
        let expiry = ExpiryScheduler::new(now, rng);
        let mut token = Token([0; 32]);
        rng.fill_bytes(&mut token.0);
        let profile = Profile {
            name: name.clone(),
            token,
            person: name.clone(),
            published_list: None,
            place: Place::Owner,
        };
        let own = OwnDevices::new(&account);
        let mut engine = Self::new(profile, account, own, Contacts::new(), expiry);
        engine.save_beginning();
        engine
    }

    fn load(name: &Name, rows: Vec<Held>) -> Result<Self, LoadError> {
        let (mut account, mut profile, mut own) = (None, None, None);
        let (mut records, mut notes) = (Vec::new(), Vec::new());
        let (mut contacts, mut people) = (Contacts::new(), BTreeMap::new());
        let (mut groups, mut group_notes) = (Groups::new(), BTreeMap::new());
        let mut held = HeldLetters::default();
        let mut rest = Vec::new();
        for Held { row, value } in rows {
            match row {
                Row::Account => account = Account::restore(&value).ok(),
                Row::Profile => profile = Some(decoded::<Profile>(&value)?),
                Row::Scheduler(key) => records.push((key, value)),
                Row::Own => own = OwnDevices::restore(&value).ok(),
                Row::Person(number) => {
                    let person = KnownPerson::restore(&value).map_err(|_| LoadError::Damaged)?;
                    people.insert(number, person);
                }
                Row::Peer(_) => {
                    let peer = Peer::restore(&value).map_err(|_| LoadError::Damaged)?;
                    contacts.peers.push(peer);
                }
                Row::Contact(name) => notes.push((name, decoded::<Notes>(&value)?)),
                Row::Message(_)
                | Row::Draft(_)
                | Row::Parcel(_)
                | Row::Parked(_)
                | Row::Upload(_)
                | Row::Disposal(_)
                | Row::Telling(_)
                | Row::HeldMessage(..)
                | Row::Report(_) => rest.push(Held { row, value }),
                Row::Group(_) => {
                    let group = Group::restore(&value).map_err(|_| LoadError::Damaged)?;
                    groups.all.push(group);
                }
                Row::Invitations => {
                    let restored = Invitations::restore(&value);
                    groups.invitations = restored.map_err(|_| LoadError::Damaged)?;
                }
                Row::GroupNotes(id) => _ = group_notes.insert(id, decoded(&value)?),
                Row::Held(of) => {
                    let messages = HeldMessages::restore(&value).map_err(|_| LoadError::Damaged)?;
                    held.messages.insert(of, messages);
                }
                // They are read when they are asked for.
                Row::Piece(..) | Row::Pieces(_) | Row::Evidence(_) => {}
            }
        }
        let (Some(account), Some(profile), Some(own)) = (account, profile, own) else {
            return Err(LoadError::Damaged);
        };
        if profile.name != *name {
            return Err(LoadError::OtherName(profile.name));
        }
        let expiry = ExpiryScheduler::from_records(
            records.iter().map(|(key, value)| (key.as_slice(), value.as_slice())),
        )
        .map_err(|_| LoadError::Damaged)?;
        // In the order in which they became known, and all of them.
        if !people.keys().copied().eq(0..u64::try_from(people.len()).unwrap_or(u64::MAX)) {
            return Err(LoadError::Damaged);
        }
        contacts.people = people.into_values().collect();
        let mut engine = Self::new(profile, account, own, contacts, expiry);
        engine.saved_people = engine.contacts.people.len();
        engine.groups = groups;
        engine.group_notes = group_notes;
        engine.held = held;
        engine.people.extend(notes.into_iter().map(|(name, notes)| (name, Person::new(notes))));
        rest.iter().try_for_each(|Held { row, value }| engine.take_back_row(row, value))?;
        Ok(engine)
    }

    fn take_back_row(&mut self, row: &Row, value: &[u8]) -> Result<(), LoadError> {
        match row {
            Row::Message(_) => {
                let message: crate::engine::message::Message = decoded(value)?;
                self.last_number = self.last_number.max(message.number);
                self.people.get(&message.with).ok_or(LoadError::Damaged)?;
                self.place(message);
            }
            Row::Draft(number) => {
                self.last_number = self.last_number.max(*number);
                self.drafts.insert(*number, decoded(value)?);
            }
            Row::Parcel(number) => {
                self.last_number = self.last_number.max(*number);
                self.parcels.insert(*number, decoded(value)?);
            }
            Row::Parked(number) => {
                self.last_number = self.last_number.max(*number);
                self.parked.insert(*number, decoded(value)?);
            }
            Row::Upload(number) => {
                self.last_number = self.last_number.max(*number);
                self.uploads.insert(*number, decoded(value)?);
            }
            Row::Report(number) => {
                self.last_number = self.last_number.max(*number);
                self.reports.insert(*number, decoded(value)?);
            }
            Row::Telling(number) => {
                self.last_number = self.last_number.max(*number);
                self.tellings.insert(*number, decoded(value)?);
            }
            Row::Disposal(number) => {
                self.last_number = self.last_number.max(*number);
                self.disposals.insert(*number, decoded(value)?);
            }
            Row::HeldMessage(of, number) => {
                self.held.letters.insert((*of, *number), decoded(value)?);
            }
            Row::Account
            | Row::Group(_)
            | Row::GroupNotes(_)
            | Row::Invitations
            | Row::Held(_)
            | Row::Piece(..)
            | Row::Pieces(_)
            | Row::Evidence(_)
            | Row::Profile
            | Row::Scheduler(_)
            | Row::Own
            | Row::Person(_)
            | Row::Peer(_)
            | Row::Contact(_) => {}
        }
        Ok(())
    }
}

fn decoded<T: DeserializeOwned>(value: &[u8]) -> Result<T, LoadError> {
    postcard::from_bytes(value).map_err(|_| LoadError::Damaged)
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherName(name) => write!(formatter, "this is the store of {name}"),
            Self::Damaged => formatter.write_str("the store is damaged or of another release"),
        }
    }
}

impl std::error::Error for LoadError {}
