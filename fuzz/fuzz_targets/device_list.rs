//! A list of devices decodes exactly as docs/protocol.md says and encodes to the same bytes; it verifies only if its owner
//! signed it, and is held as versions say. So do codes to link a device, and notices.

#![no_main]

use std::cell::RefCell;

use evanesce::fuzzing::decode_notice;
use evanesce::person::{
    AdoptError, DeviceList, LinkCode, LinkCodeError, Person, PersonEvent, VerifiedList,
};
use evanesce::{Address, DecodeError, Device, IdentityKey, IdentityKeyError};
use evanesce_fuzz::formats::{self, Belief, DeviceListFields};
use evanesce_fuzz::households::Households;
use evanesce_fuzz::people::NOW;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static HOUSEHOLDS: RefCell<Households> = RefCell::new(Households::new());
}

fuzz_target!(|bytes: &[u8]| HOUSEHOLDS.with_borrow(|households| {
    check_code(bytes);
    check_notice(bytes);
    let list = match (DeviceList::decode(bytes), formats::device_list(bytes)) {
        (Ok(list), Ok(fields)) => (list, fields),
        (decoded, read) => {
            assert_eq!(decoded.err(), read.err());
            return;
        }
    };
    let (list, fields) = list;
    assert_eq!(list.encode(), bytes);
    let was_signed = households.lists.iter().any(|signed| signed == bytes);
    let verified = list.verify(NOW);
    assert_eq!(verified.is_ok(), was_signed);
    let Ok(list) = verified else { return };
    says_the_same(&list, &fields);
    for held in &households.lists {
        let held = DeviceList::decode(held).expect("it was signed").verify(NOW);
        is_held_as_versions_say(held.expect("it was signed"), &list);
    }
}));

fn check_code(bytes: &[u8]) {
    let read = formats::link_code(bytes).map_err(|error| match error {
        DecodeError::Unsupported => LinkCodeError::Unsupported,
        _ => LinkCodeError::Malformed,
    });
    let read = read.and_then(|(identity, address)| {
        let identity = identity.try_into().expect("64 bytes");
        let identity = IdentityKey::decode(identity).map_err(|error| match error {
            IdentityKeyError::WeakKey => LinkCodeError::WeakKey,
            _ => LinkCodeError::Malformed,
        })?;
        Ok(Device { identity, address: Address::new(address).expect("1 to 64 bytes") })
    });
    match (LinkCode::decode(bytes), read) {
        (Ok(code), Ok(device)) => {
            assert_eq!(*code.device(), device);
            assert_eq!(code.encode().as_slice(), bytes);
        }
        (decoded, read) => assert_eq!(decoded.err(), read.err()),
    }
}

/// Of any 72 bytes there is one.
fn check_notice(bytes: &[u8]) {
    match (decode_notice(bytes), formats::notice(bytes)) {
        (Ok((said, [encoded, of_other_side])), Ok(read)) => {
            assert_eq!(said, read.map(|Belief { version, digest }| (version, digest)));
            assert_eq!(encoded, bytes);
            assert_eq!(of_other_side, [&bytes[36..], &bytes[..36]].concat());
        }
        (decoded, read) => assert_eq!(decoded.err(), read.err()),
    }
}

fn says_the_same(list: &VerifiedList, fields: &DeviceListFields<'_>) {
    let DeviceListFields { owner, version, created, expires, devices } = fields;
    assert_eq!(list.owner().encode().as_slice(), *owner);
    let times = [list.created(), list.expires()].map(|time| time.unix_seconds());
    assert_eq!((list.version(), times), (*version, [*created, *expires]));
    let listed: Vec<_> = list.devices().iter().map(|listed| &listed.device).collect();
    assert_eq!(listed.len(), devices.len());
    for (device, (address, identity)) in listed.iter().zip(devices) {
        assert_eq!(device.address.as_bytes(), *address);
        assert_eq!(device.identity.encode().as_slice(), *identity);
    }
}

fn is_held_as_versions_say(held: VerifiedList, list: &VerifiedList) {
    let mut person = Person::new(*held.owner());
    let (version, digest) = (held.version(), held.digest());
    let _ = person.adopt(held, NOW).expect("the first one").expect("is adopted");
    let told = person.adopt(list.clone(), NOW);
    let holds = person.list().expect("one is held").digest();
    if list.version() > version {
        assert!(matches!(told, Ok(Some(PersonEvent::Adopted { .. }))) && holds == list.digest());
        return;
    }
    assert_eq!(holds, digest);
    if list.version() < version {
        assert_eq!(told, Err(AdoptError::OlderList));
    } else if list.digest() == digest {
        assert_eq!(told, Ok(None));
    } else {
        assert!(matches!(told, Ok(Some(PersonEvent::Equivocation { .. }))) && person.is_marked());
    }
}
