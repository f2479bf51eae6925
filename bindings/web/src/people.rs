//! People with several devices.

use evanesce::Address;
use evanesce::person::{
    AdoptError, ContactDecision, DeviceList, FanOutError, LinkCode, LinkCodeError, LinkError,
    ListError, OwnEvent, SignError, VerifiedList,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::codes::codes;
use crate::errors::{Coded, Refusal};
use crate::expiry::{event, setting};
use crate::shapes::{address, array, byte_strings, device, identity, time};
use crate::values::words::Word;
use crate::values::{Out, Shown, object, shown};

pub(crate) mod contacts;
pub(crate) mod delivered;
pub(crate) mod own_devices;
mod sending;

codes! {
    ListError: Unsupported => unsupported, Malformed => malformed, WeakKey => weak_key,
        BadSignature => bad_signature, NotYetValid => not_yet_valid;
    AdoptError: OtherOwner => other_owner, OlderList => older_list, NotNamed => not_named, Expired => expired;
    LinkCodeError: Malformed => malformed, Unsupported => unsupported, WeakKey => weak_key;
    FanOutError: Removed => removed, ListExpired => list_expired, TooLarge => too_large,
        NobodyReached => nobody_reached;
}

impl Coded for SignError {
    fn code(&self) -> Word {
        match self {
            Self::NotTheOwner => Word::not_the_owner,
            Self::NotListed => Word::not_listed,
            Self::Unconfirmed => Word::unconfirmed,
            Self::PutBack => Word::put_back,
            Self::Marked => Word::marked,
            Self::List(error) => error.code(),
            Self::VersionsUsedUp => Word::versions_used_up,
            _ => Word::other,
        }
    }
}

/// What keeps a message of linking from opening, or a list from being signed, has the name that it has elsewhere.
impl Coded for LinkError {
    fn code(&self) -> Word {
        match self {
            Self::NotTheOwner => Word::not_the_owner,
            Self::AlreadyListed => Word::already_listed,
            Self::ListFull => Word::list_full,
            Self::OtherDevice => Word::other_device,
            Self::WeakKey => Word::weak_key,
            Self::CodeExpired => Word::code_expired,
            Self::CodeUsed => Word::code_used,
            Self::AlreadyLinked => Word::already_linked,
            Self::NotLinking => Word::not_linking,
            Self::Message(error) => error.code(),
            Self::Malformed => Word::malformed,
            Self::BadSignature => Word::bad_signature,
            Self::Sign(error) => error.code(),
            _ => Word::other,
        }
    }
}

/// A list that was fetched, verified.
#[inline(never)]
fn list(bytes: &[u8], now: f64) -> Result<VerifiedList, Refusal> {
    Ok(DeviceList::decode(bytes).map_err(ListError::from)?.verify(time(now))?)
}

/// What a list says whose signatures hold.
#[wasm_bindgen]
pub fn verify_device_list(bytes: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
    Ok(shown(&list(bytes, now)?))
}

/// What a code says that was scanned.
#[wasm_bindgen]
pub fn read_link_code(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(shown(&LinkCode::decode(bytes)?))
}

impl Shown for LinkCode {
    fn show(&self, out: &mut Out) {
        let bytes = self.encode();
        object!(
            out,
            bytes: crate::values::Bytes(bytes.as_slice()),
            device: self.device(),
            digits: self.digits(),
        );
    }
}

/// Addresses behind each other, as `ts/checks.ts` puts them.
fn addresses(joined: &[u8]) -> Result<Vec<Address>, Refusal> {
    byte_strings(joined)?.into_iter().map(address).collect()
}

/// Events behind each other, each as `packedEvent` of ts/people.ts has it.
fn own_events(joined: &[u8]) -> Result<Vec<OwnEvent>, Refusal> {
    byte_strings(joined)?.into_iter().map(own_event).collect()
}

fn own_event(mut bytes: &[u8]) -> Result<OwnEvent, Refusal> {
    let [kind] = taken(&mut bytes)?;
    Ok(match kind {
        0..=5 => {
            let (id, [opens]) = (taken::<16>(&mut bytes)?, taken(&mut bytes)?);
            event(kind, &id, opens)?.into()
        }
        6 => {
            let conversation = evanesce::expiry::ConversationId(taken(&mut bytes)?);
            let version = u64::from_le_bytes(taken(&mut bytes)?);
            let ([policy], seconds) = (taken(&mut bytes)?, taken(&mut bytes)?);
            let setting = setting(version, policy, f64::from_le_bytes(seconds), bytes)?;
            evanesce::expiry::DeviceEvent::Setting(conversation, setting).into()
        }
        7 | 8 => {
            let owner = identity(&taken::<64>(&mut bytes)?)?;
            let version = u64::from_le_bytes(taken(&mut bytes)?);
            let version = version.try_into().map_err(|_| malformed())?;
            let [what] = taken(&mut bytes)?;
            if kind == 7 {
                let decision = match what {
                    0 => ContactDecision::Accepted,
                    1 => ContactDecision::Request,
                    _ => ContactDecision::Refused,
                };
                OwnEvent::Contact { owner, version, decision }
            } else {
                OwnEvent::Verification { owner, version, verified: what == 1 }
            }
        }
        _ => OwnEvent::Device(device(&taken::<64>(&mut bytes)?, bytes)?),
    })
}

/// The first bytes, which go.
pub(crate) fn taken<const LENGTH: usize>(bytes: &mut &[u8]) -> Result<[u8; LENGTH], Refusal> {
    let (first, rest) = bytes.split_at_checked(LENGTH).ok_or_else(malformed)?;
    *bytes = rest;
    array(first)
}

fn malformed() -> Refusal {
    Refusal::new(Word::malformed, "what is packed ends early")
}
