//! The encodings as docs/protocol.md states them, read a second time without the library's code.

use std::collections::{BTreeMap, BTreeSet};

use evanesce::DecodeError::{self, Malformed, Unsupported};
use evanesce::Suite;
use sha2::{Digest, Sha256};

/// 90 days.
const MAX_LIFETIME: u64 = 7_776_000;

/// Bytes of an ML-KEM-1024 encapsulation key, and of a ciphertext.
const MLKEM: usize = 1_568;

/// The longest padded plaintext and its tag.
const MAX_CIPHERTEXT: usize = 16 * 1024 * 1024 + 16;

/// A message, as far as that needs no key (§6.1).
#[derive(Debug)]
pub struct Message<'bytes> {
    pub handshake: Option<Handshake<'bytes>>,
    /// How many bytes stand before the commitment.
    pub head_length: usize,
    pub sealed_header: &'bytes [u8],
}

/// The handshake fields of an initial message (§4.2).
#[derive(Debug)]
pub struct Handshake<'bytes> {
    pub bytes: &'bytes [u8],
    pub suite: Suite,
    pub signed_prekey_id: u32,
    pub one_time_prekey_id: Option<u32>,
}

/// The signed part of a bundle (§3.1).
#[derive(Debug)]
pub struct SignedPart<'bytes> {
    pub bytes: &'bytes [u8],
    pub suite: Suite,
    pub identity: &'bytes [u8],
    pub address: &'bytes [u8],
    pub id: u32,
    pub created: u64,
    pub expires: u64,
}

/// A one-time prekey's public half (§3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OneTime<'bytes> {
    pub id: u32,
    pub key: [u8; 32],
    /// All of it, id and key included.
    pub bytes: &'bytes [u8],
}

/// Takes a message apart (§6.2).
pub fn message(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let mut rest = bytes;
    let first = number(take(&mut rest, 1)?);
    if first >> 4 != 1 {
        return Err(Unsupported);
    }
    let handshake = match first & 0x0f {
        1 => Some(handshake(&mut rest)?),
        2 => None,
        _ => return Err(Malformed),
    };
    let sealed_header = take(&mut rest, 56)?;
    let head_length = bytes.len() - rest.len();
    take(&mut rest, 32)?;
    if (16..=MAX_CIPHERTEXT).contains(&rest.len()) {
        Ok(Message { handshake, head_length, sealed_header })
    } else {
        Err(Malformed)
    }
}

fn handshake<'bytes>(rest: &mut &'bytes [u8]) -> Result<Handshake<'bytes>, DecodeError> {
    let start = *rest;
    let suite = suite(rest)?;
    let signed_prekey_id = id(rest)?;
    let one_time_prekey_id = if flag(rest)? { Some(id(rest)?) } else { None };
    key(rest)?;
    if suite == Suite::Hybrid {
        take(rest, MLKEM)?;
    }
    take(rest, 145)?;
    let bytes = &start[..start.len() - rest.len()];
    Ok(Handshake { bytes, suite, signed_prekey_id, one_time_prekey_id })
}

/// Takes a bundle apart (§3.3); what its identity key says is not looked at.
pub fn bundle(bytes: &[u8]) -> Result<(SignedPart<'_>, Option<OneTime<'_>>), DecodeError> {
    let mut rest = bytes;
    let signed_part = signed_part(&mut rest)?;
    let one_time =
        if flag(&mut rest)? { Some(one_time(&mut rest, signed_part.suite)?) } else { None };
    if rest.is_empty() { Ok((signed_part, one_time)) } else { Err(Malformed) }
}

/// Takes an upload apart (§14.2).
pub fn upload(bytes: &[u8]) -> Result<(SignedPart<'_>, Vec<OneTime<'_>>), DecodeError> {
    let mut rest = bytes;
    if ![1, 2].contains(&number(take(&mut rest, 1)?)) {
        return Err(Unsupported);
    }
    let signed_part = signed_part(&mut rest)?;
    let mut one_time_prekeys = Vec::new();
    while !rest.is_empty() {
        one_time_prekeys.push(one_time(&mut rest, signed_part.suite)?);
    }
    if one_time_prekeys.is_sorted_by(|one, next| one.id < next.id) {
        Ok((signed_part, one_time_prekeys))
    } else {
        Err(Malformed)
    }
}

fn signed_part<'bytes>(rest: &mut &'bytes [u8]) -> Result<SignedPart<'bytes>, DecodeError> {
    let start = *rest;
    if number(take(rest, 1)?) != 1 {
        return Err(Unsupported);
    }
    let suite = suite(rest)?;
    let identity = take(rest, 64)?;
    let address_length = take(rest, 1)?[0];
    let address = take(rest, usize::from(address_length))?;
    let id = id(rest)?;
    key(rest)?;
    if suite == Suite::Hybrid {
        encapsulation_key(rest)?;
    }
    let (created, expires) = (number(take(rest, 8)?), number(take(rest, 8)?));
    take(rest, 64)?;
    let lifetime = expires.checked_sub(created).ok_or(Malformed)?;
    if !(1..=64).contains(&address_length) || !(1..=MAX_LIFETIME).contains(&lifetime) {
        return Err(Malformed);
    }
    let bytes = &start[..start.len() - rest.len()];
    Ok(SignedPart { bytes, suite, identity, address, id, created, expires })
}

fn one_time<'bytes>(rest: &mut &'bytes [u8], suite: Suite) -> Result<OneTime<'bytes>, DecodeError> {
    let start = *rest;
    let (id, key) = (id(rest)?, key(rest)?);
    if suite == Suite::Hybrid {
        encapsulation_key(rest)?;
        take(rest, 64)?;
    }
    Ok(OneTime { id, key, bytes: &start[..start.len() - rest.len()] })
}

fn suite(rest: &mut &[u8]) -> Result<Suite, DecodeError> {
    match number(take(rest, 1)?) {
        1 => Ok(Suite::Classical),
        2 => Ok(Suite::Hybrid),
        _ => Err(Unsupported),
    }
}

/// An ML-KEM-1024 key.
fn encapsulation_key(rest: &mut &[u8]) -> Result<(), DecodeError> {
    if is_reduced(take(rest, MLKEM)?) { Ok(()) } else { Err(Malformed) }
}

/// Whether the numbers of an ML-KEM key are below the modulus (§1.4): of twelve bits each, before the last 32 bytes.
pub fn is_reduced(encapsulation_key: &[u8]) -> bool {
    let (numbers, _) = encapsulation_key.split_last_chunk::<32>().expect("a whole key");
    numbers.chunks_exact(3).all(|three| {
        let [a, b, c] = [three[0], three[1], three[2]].map(u16::from);
        (a | (b & 0x0f) << 8) < 3_329 && (b >> 4 | c << 4) < 3_329
    })
}

/// How many bytes the control in front of a content of suite 2 has, if there is a well-formed one (§5.10).
pub fn control_length(content: &[u8]) -> Option<usize> {
    let fragments = match content.first()? {
        0x80 => return Some(1),
        0xa0 => 37,
        0xc0 => 35,
        _ => return None,
    };
    let (count, first) = (*content.get(1)?, *content.get(2)?);
    let length = 7 + 32 * usize::from(count);
    let is_allowed = (1..=fragments).contains(&count) && first < fragments;
    (is_allowed && length <= content.len()).then_some(length)
}

/// A part: its type, and its bytes.
pub type Part<'bytes> = (u8, &'bytes [u8]);

/// The parts in front of a content, and what follows; no parts, and all of it, if it does not begin with any; `None` if
/// they are malformed (§17.1).
pub fn parts(content: &[u8]) -> Option<(Vec<Part<'_>>, &[u8])> {
    let Some((0x30, mut rest)) = content.split_first() else {
        return Some((Vec::new(), content));
    };
    let mut all = measured(&mut rest)?;
    let mut parts: Vec<Part<'_>> = Vec::new();
    while !all.is_empty() {
        let kind = take(&mut all, 1).ok()?[0];
        let bytes = measured(&mut all)?;
        let fits = match kind {
            0 => false,
            2 | 3 | 5 => bytes.len() == 72,
            4 | 6 => bytes.len() == 64,
            _ => true,
        };
        let in_order = parts.last().is_none_or(|(last, _)| *last <= kind);
        if !fits || !in_order {
            return None;
        }
        parts.push((kind, bytes));
    }
    (1..=64).contains(&parts.len()).then_some((parts, rest))
}

/// Bytes behind their length, which has one to four bytes of LEB128, in the shortest form.
fn measured<'bytes>(rest: &mut &'bytes [u8]) -> Option<&'bytes [u8]> {
    let count = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let length = take(rest, count).ok()?;
    if count > 4 || count > 1 && length.last() == Some(&0) {
        return None;
    }
    let digits = length.iter().rev().map(|byte| usize::from(byte & 0x7f));
    take(rest, digits.fold(0, |number, digit| number << 7 | digit)).ok()
}

/// A list of devices: whether it follows the encoding (§17.2), and what stands in it.
pub struct DeviceListFields<'bytes> {
    pub owner: &'bytes [u8],
    pub version: u32,
    pub created: u64,
    pub expires: u64,
    /// Address and identity of each device.
    pub devices: Vec<(&'bytes [u8], &'bytes [u8])>,
}

/// What a notice says of one person (§17.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belief {
    pub version: u32,
    pub digest: [u8; 32],
}

/// Takes a notice apart (§17.4): of its sender's person, of its receiver's.
pub fn notice(bytes: &[u8]) -> Result<[Belief; 2], DecodeError> {
    let mut rest = bytes;
    let mut belief = || -> Result<Belief, DecodeError> {
        let version = id(&mut rest)?;
        let digest = take(&mut rest, 32)?.try_into().expect("32 bytes");
        Ok(Belief { version, digest })
    };
    let beliefs = [belief()?, belief()?];
    if rest.is_empty() { Ok(beliefs) } else { Err(Malformed) }
}

/// What a notice says of a list, as if it had this version (§17.2, §17.4).
pub fn belief(version: u32, list: &[u8]) -> [u8; 36] {
    let (signed, _) = list.split_last_chunk::<64>().expect("a list has a signature");
    let hash = Sha256::new().chain_update("evanesce/v1 device list").chain_update(signed);
    let mut belief = [0; 36];
    belief[..4].copy_from_slice(&version.to_be_bytes());
    belief[4..].copy_from_slice(&hash.finalize());
    belief
}

/// A code to link a device (§17.6): its identity and its address.
pub fn link_code(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut rest = bytes;
    if take(&mut rest, 1)? != [1] {
        return Err(Unsupported);
    }
    take(&mut rest, 32)?;
    let identity = take(&mut rest, 64)?;
    let length = usize::try_from(number(take(&mut rest, 1)?)).expect("a byte");
    let address = take(&mut rest, length)?;
    let is_sound = rest.is_empty() && (1..=64).contains(&length);
    if is_sound { Ok((identity, address)) } else { Err(Malformed) }
}

/// A length in the shortest form (§17.1).
pub fn leb128(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = u8::try_from(length & 0x7f).expect("seven bits");
        length >>= 7;
        if length == 0 {
            bytes.push(digit);
            return bytes;
        }
        bytes.push(digit | 0x80);
    }
}

/// Takes a list of devices apart (§17.2). Keys are not looked at.
pub fn device_list(bytes: &[u8]) -> Result<DeviceListFields<'_>, DecodeError> {
    let mut rest = bytes;
    if take(&mut rest, 1)? != [1] {
        return Err(Unsupported);
    }
    let owner = take(&mut rest, 64)?;
    let version = id(&mut rest)?;
    let created = number(take(&mut rest, 8)?);
    let expires = number(take(&mut rest, 8)?);
    let count = number(take(&mut rest, 1)?);
    let mut devices = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(number(take(&mut rest, 1)?)).expect("a byte");
        let address = take(&mut rest, length)?;
        let identity = take(&mut rest, 64)?;
        take(&mut rest, 8 + 64)?;
        devices.push((address, identity));
    }
    take(&mut rest, 64)?;
    let addresses = || devices.iter().map(|(address, _)| *address);
    let identities: BTreeSet<_> = devices.iter().map(|(_, identity)| identity).collect();
    let is_sound = rest.is_empty()
        && (1..=16).contains(&devices.len())
        && addresses().all(|address| (1..=64).contains(&address.len()))
        && addresses().is_sorted_by(|first, next| first < next)
        && identities.len() == devices.len()
        && version > 0
        && created < expires
        && expires - created <= MAX_LIFETIME;
    if !is_sound {
        return Err(Malformed);
    }
    Ok(DeviceListFields { owner, version, created, expires, devices })
}

/// How many bytes the stamp in front of a content has, if there is a well-formed one (§8).
pub fn stamp_length(content: &[u8]) -> Option<usize> {
    let flags = *content.first()?;
    let (setting_clock, own_clock, opens) = (flags & 3, flags >> 2 & 3, flags >> 4 & 3);
    let end = content.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 2;
    let version = &content[1..end];
    let shortest = version.len() == 1 || version.last() != Some(&0);
    let is_set = version != [0];
    if flags & 0x80 != 0 || opens == 3 || version.len() > 9 || !shortest {
        return None;
    }
    if !is_set && (setting_clock != 0 || flags & 0x40 != 0) {
        return None;
    }
    let mut length = end;
    for clock in [setting_clock, own_clock] {
        if matches!(clock, 1 | 2) {
            let ttl = content.get(length..length + 4)?;
            if ttl == [0; 4] {
                return None;
            }
            length += 4;
        }
    }
    length += if is_set { 8 } else { 0 };
    (length <= content.len()).then_some(length)
}

/// How long a content is once padded (§7).
pub fn padded_length(content: usize) -> usize {
    let length = content + 1;
    if length <= 1_024 {
        return length.next_multiple_of(64);
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    length.next_multiple_of(1 << (exponent - kept))
}

fn take<'bytes>(rest: &mut &'bytes [u8], length: usize) -> Result<&'bytes [u8], DecodeError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn id(rest: &mut &[u8]) -> Result<u32, DecodeError> {
    take(rest, 4).map(|bytes| u32::from_be_bytes(bytes.try_into().expect("four bytes")))
}

fn flag(rest: &mut &[u8]) -> Result<bool, DecodeError> {
    match number(take(rest, 1)?) {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

/// An X25519 key below 2^255 − 19 (§1.4).
fn key(rest: &mut &[u8]) -> Result<[u8; 32], DecodeError> {
    let key: [u8; 32] = take(rest, 32)?.try_into().expect("32 bytes");
    let (first, last) = (key[0], key[31]);
    let above = last > 0x7f || last == 0x7f && key[1..31] == [0xff; 30] && first >= 0xed;
    if above { Err(Malformed) } else { Ok(key) }
}

/// A snapshot with this state, whose length and check are right.
pub fn snapshot(kind: u8, state: &[u8]) -> Vec<u8> {
    let length = u32::try_from(state.len()).expect("a state of less than 4 GiB");
    let mut snapshot = [b"evan\x01".as_slice(), &[kind], &length.to_be_bytes(), state].concat();
    let hash =
        Sha256::new().chain_update("evanesce/v1 stored state").chain_update(&snapshot).finalize();
    snapshot.extend_from_slice(&hash[..16]);
    snapshot
}

/// Records, by their keys.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The rows of which a scheduler's state is made; `None` if it is not rows.
///
/// ```text
/// | count: 1 to 10 | then of each: key length: 1 | key | value length: 4 | value |
/// ```
pub fn rows_of_snapshot(state: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let end = state.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (mut count, mut rest) = state.split_at(end);
    let mut rows = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (key, after) = after.split_at_checked(usize::from(*length))?;
        let (length, after) = after.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (value, after) = after.split_at_checked(length)?;
        rows.push((key.to_vec(), value.to_vec()));
        rest = after;
    }
    let mut said = 0;
    while let Some((last, before)) = count.split_last() {
        said = said << 7 | usize::from(last & 0x7f);
        count = before;
    }
    (said == rows.len()).then_some(rows)
}

/// Rows out of any bytes; of two with one key the later one counts, as in a store.
///
/// ```text
/// | key length: 1 | key | value length: 2 | value |     lengths that are too big end where the bytes do
/// ```
pub fn rows(mut bytes: &[u8]) -> Rows {
    let mut rows = Rows::new();
    while let Some((length, after)) = bytes.split_first() {
        let (key, after) = after.split_at(usize::from(*length).min(after.len()));
        let Some((length, after)) = after.split_first_chunk() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (value, after) = after.split_at(length);
        rows.insert(key.to_vec(), value.to_vec());
        bytes = after;
    }
    rows
}
