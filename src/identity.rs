//! Who a device is: its identity key and its address.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::crypto::signature::{
    SIGNATURE_LENGTH, SignatureKeyError, SignatureKeyPair, SignaturePublicKey, UnpackedSignatureKey,
};
use crate::shown_bytes::{Hex, ShortHex, ShortText};
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader, write_length_prefixed};
use crate::wire::prekey_bundle::{IDENTITY_LENGTH, MAX_ADDRESS};
use crate::wire::stamp::MemberTag;

/// Derives the Ed25519 seed from an identity's one secret.
const SIGNING_LABEL: &[u8] = b"evanesce/v1 identity signing";

/// Derives the X25519 secret from an identity's one secret.
const AGREEMENT_LABEL: &[u8] = b"evanesce/v1 identity agreement";

/// Names an identity in a stamp.
const MEMBER_LABEL: &[u8] = b"evanesce/v1 member";

/// A device's identity key (IDENT): an Ed25519 key that signs and an X25519 key that agrees, always
/// handled as one value of 64 bytes (docs/protocol.md §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityKey {
    signing: SignaturePublicKey,
    agreement: DhPublicKey,
}

/// Why bytes are no identity key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityKeyError {
    /// One of the halves does not decode.
    Malformed,
    /// The Ed25519 half is of small order: nobody honest has it.
    WeakKey,
}

impl fmt::Display for IdentityKeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the identity key does not decode",
            Self::WeakKey => "the identity key is weak",
        })
    }
}

impl core::error::Error for IdentityKeyError {}

impl IdentityKey {
    /// Takes an identity key from its 64 bytes: the Ed25519 half, then the X25519 half.
    ///
    /// # Errors
    ///
    /// [`IdentityKeyError::Malformed`] if a half does not decode, [`IdentityKeyError::WeakKey`] if the
    /// Ed25519 half is of small order (docs/protocol.md §1).
    pub fn decode(bytes: &[u8; IDENTITY_LENGTH]) -> Result<Self, IdentityKeyError> {
        Self::decode_and_unpack(bytes).map(|(identity, _)| identity)
    }

    /// The same, with the Ed25519 half unpacked to verify what came with it.
    pub(crate) fn decode_and_unpack(
        bytes: &[u8; IDENTITY_LENGTH],
    ) -> Result<(Self, UnpackedSignatureKey), IdentityKeyError> {
        let (signing, agreement) = halves(bytes);
        // Both halves are decoded before either is judged weak: malformed comes first.
        let agreement = DhPublicKey::decode(&agreement).ok_or(IdentityKeyError::Malformed)?;
        let unpacked = UnpackedSignatureKey::decode(&signing).map_err(|error| match error {
            SignatureKeyError::Malformed => IdentityKeyError::Malformed,
            SignatureKeyError::WeakKey => IdentityKeyError::WeakKey,
        })?;
        Ok((Self { signing: unpacked.packed(), agreement }, unpacked))
    }

    /// The Ed25519 half of a key that is held, to verify with. `None` of one out of a damaged store.
    pub(crate) fn unpacked(&self) -> Option<UnpackedSignatureKey> {
        UnpackedSignatureKey::decode(self.signing.as_bytes()).ok()
    }

    /// The key's 64 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; IDENTITY_LENGTH] {
        let Self { signing, agreement } = self;
        let mut bytes = [0; IDENTITY_LENGTH];
        let (first, second) = bytes.split_at_mut(32);
        first.copy_from_slice(signing.as_bytes());
        second.copy_from_slice(agreement.as_bytes());
        bytes
    }

    /// How stamps name this identity: the first 8 bytes of a hash (docs/protocol.md §8).
    #[must_use]
    pub fn member_tag(&self) -> MemberTag {
        member_tag_of(&self.encode())
    }

    /// Whether these are its bytes.
    pub(crate) fn is(&self, bytes: &[u8; IDENTITY_LENGTH]) -> bool {
        let (signing, agreement) = bytes.split_at(32);
        signing == self.signing.as_bytes() && agreement == self.agreement.as_bytes()
    }

    /// How a line about a state names it.
    pub(crate) fn in_short(&self) -> ShortHex {
        ShortHex::of(&self.encode())
    }

    /// IK as X3DH uses it.
    pub(crate) fn agreement(&self) -> &DhPublicKey {
        &self.agreement
    }
}

/// The tag of an identity that may not decode: see [`IdentityKey::member_tag`].
pub(crate) fn member_tag_of(identity: &[u8; IDENTITY_LENGTH]) -> MemberTag {
    let hash = sha256(&[MEMBER_LABEL, identity]);
    let mut tag = [0; 8];
    tag.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
    MemberTag(tag)
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IdentityKey({self})")
    }
}

/// Shows the 64 bytes in lower-case hex, 128 digits on one line. In full: whoever makes keys can make one that
/// begins like another. What people compare is the [`SafetyNumber`](crate::SafetyNumber).
impl fmt::Display for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.encode()).fmt(formatter)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for IdentityKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&self.encode(), serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for IdentityKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; IDENTITY_LENGTH] = byte_string::deserialize(deserializer)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}

/// A device's identity: two key pairs from one secret, so that each has one purpose and the
/// application keeps one value.
pub(crate) struct IdentityKeyPair {
    /// Kept to be stored: the rest comes of it.
    seed: Secret<32>,
    signing: SignatureKeyPair,
    agreement: DhKeyPair,
    public: IdentityKey,
}

impl IdentityKeyPair {
    /// Draws an identity: one draw of 32 bytes.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_seed(Secret::filled_by(|out| rng.fill_bytes(out)))
    }

    /// docs/protocol.md §2: `HKDF(salt = empty, ikm = seed, info = label, 32)` for each half.
    pub(crate) fn from_seed(seed: Secret<32>) -> Self {
        let [ed_seed] = hkdf(&[], &[seed.as_bytes()], &[SIGNING_LABEL]);
        let [x_secret] = hkdf(&[], &[seed.as_bytes()], &[AGREEMENT_LABEL]);
        let signing = SignatureKeyPair::from_seed(&ed_seed);
        let agreement = DhKeyPair::from_secret(x_secret);
        let public = IdentityKey { signing: signing.public(), agreement: *agreement.public() };
        Self { seed, signing, agreement, public }
    }

    pub(crate) fn public(&self) -> &IdentityKey {
        &self.public
    }

    pub(crate) fn agreement(&self) -> &DhKeyPair {
        &self.agreement
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.signing.sign(message)
    }
}

/// Shows the first bytes of the public half, and nothing of the secret.
impl fmt::Debug for IdentityKeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.public.in_short().fmt(formatter)
    }
}

/// Stored as the one secret that all of it comes from.
impl Stored for IdentityKeyPair {
    fn write(&self, out: &mut StateWriter) {
        self.seed.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Stored::read(reader).map(Self::from_seed)
    }
}

/// Names a device in the application's own terms: 1 to 64 opaque bytes, best an id that never changes
/// ([`Address::new`]).
///
/// Addresses are in order of their bytes, and what another one begins with is before that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// In place, not on the heap: each call names the devices that it changed. Behind the address are zeros, so that the
    /// derived order is as it says above.
    bytes: [u8; MAX_ADDRESS],
    length: u8,
}

/// An address has 1 to 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLength;

impl fmt::Display for AddressLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address has 1 to 64 bytes")
    }
}

impl core::error::Error for AddressLength {}

impl Address {
    /// An address of these bytes, for instance `user-17/device-1`.
    ///
    /// Take an id that never changes and that nobody else ever gets: the server's number of the user and of their
    /// device, or a random one. Not a name, a mail address or a telephone number: people change those, and others get
    /// them, while handshakes, bundles and safety numbers name this, and a peer is pinned to it. Where it must change
    /// all the same there is [`Account::change_address`](crate::Account::change_address) on one side and
    /// [`Peer::change_address`](crate::Peer::change_address) on the other.
    ///
    /// # Errors
    ///
    /// [`AddressLength`] unless there are 1 to 64 bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, AddressLength> {
        let address = bytes.as_ref();
        let mut bytes = [0; MAX_ADDRESS];
        let place = bytes.get_mut(..address.len()).filter(|place| !place.is_empty());
        place.ok_or(AddressLength)?.copy_from_slice(address);
        let length = u8::try_from(address.len()).map_err(|_| AddressLength)?;
        Ok(Self { length, bytes })
    }

    /// The address's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Shows it as `Display` does, and of one that is escaped to more than 64 characters the first ones.
impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({:?})", ShortText(self.as_bytes()))
    }
}

/// Shows what is not printable ASCII escaped, as Rust writes byte strings: at most 256 characters, on one line.
/// Nothing of an address can end a line, turn the direction of a text or look like a letter that it is not; quotes
/// and backslashes are escaped too, so that two addresses never look the same.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.as_bytes().escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(self.as_bytes(), serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, MAX_ADDRESS)?;
        Self::new(bytes.as_slice()).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Vec<u8>> for Address {
    type Error = AddressLength;

    fn try_from(bytes: Vec<u8>) -> Result<Self, AddressLength> {
        Self::new(bytes)
    }
}

impl From<Address> for Vec<u8> {
    fn from(address: Address) -> Self {
        address.as_bytes().to_vec()
    }
}

/// One device as others see it: what is bound into every session with it, and what two people
/// compare.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Device {
    /// Its identity key.
    pub identity: IdentityKey,
    /// Its address.
    pub address: Address,
}

impl Device {
    /// `IDENT ‖ LP8(address)`, as transcripts and sealed senders have it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { identity, address } = self;
        let mut bytes = identity.encode().to_vec();
        write_length_prefixed(&mut bytes, address.as_bytes());
        bytes
    }
}

/// Shows the address, and the first bytes of the identity.
impl fmt::Debug for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, address } = self;
        let mut shown = formatter.debug_struct("Device");
        shown.field("address", address).field("identity", &identity.in_short()).finish()
    }
}

impl Stored for IdentityKey {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.encode());
    }

    /// It was decoded before it was stored.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (signing, agreement) = halves(reader.array()?);
        let signing = SignaturePublicKey::restore(&signing).ok_or(DecodeError::Malformed)?;
        let agreement = DhPublicKey::decode(&agreement).ok_or(DecodeError::Malformed)?;
        Ok(Self { signing, agreement })
    }
}

/// LP8(address).
impl Stored for Address {
    fn write(&self, out: &mut StateWriter) {
        let mut bytes = Vec::new();
        write_length_prefixed(&mut bytes, self.as_bytes());
        out.put(&bytes);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.length_prefixed()?).map_err(|_| DecodeError::Malformed)
    }
}

stored!(Device { identity, address });

fn halves(bytes: &[u8; IDENTITY_LENGTH]) -> ([u8; 32], [u8; 32]) {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    let (left, right) = bytes.split_at(32);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::format;

    #[test]
    fn vectors_identity() {
        for case in known_answers::section("identity") {
            let pair = IdentityKeyPair::from_seed(case.secret("seed"));
            let [ed_seed] = hkdf(&[], &[&case.array::<32>("seed")], &[SIGNING_LABEL]);
            let [x_secret] = hkdf(&[], &[&case.array::<32>("seed")], &[AGREEMENT_LABEL]);
            assert_eq!(ed_seed, case.secret("ed_seed"));
            assert_eq!(x_secret, case.secret("x_secret"));
            assert_eq!(pair.public.signing.as_bytes(), &case.array("ed_public"));
            assert_eq!(pair.public.agreement.as_bytes(), &case.array("x_public"));
            assert_eq!(pair.public.encode(), case.array("ident"));
            assert_eq!(pair.public.member_tag(), MemberTag(case.array("member")));
            assert_eq!(IdentityKey::decode(&case.array("ident")), Ok(pair.public));
        }
    }

    #[test]
    fn debug_shows_the_public_half_and_nothing_else() {
        let pair = IdentityKeyPair::from_seed(Secret::filled_by(|out| *out = [7; 32]));
        let public = hex::encode(pair.public.encode());
        assert_eq!(format!("{}", pair.public), public);
        assert_eq!(format!("{:?}", pair.public), format!("IdentityKey({public})"));
        let first = hex::encode(&pair.public.encode()[..8]);
        assert_eq!(format!("{pair:?}"), format!("{first}.."));
    }

    #[test]
    fn an_address_has_one_to_sixty_four_bytes() {
        assert_eq!(Address::new(""), Err(AddressLength));
        assert_eq!(Address::new([b'a'; 65]), Err(AddressLength));
        assert!(Address::new([b'a'; 64]).is_ok());
    }

    #[test]
    fn addresses_are_in_order_of_their_bytes() {
        // Up to four zeros and letters.
        let bytes = |number: usize| -> Vec<u8> {
            let digits = [number / 27, number / 9 % 3, number / 3 % 3, number % 3];
            digits.iter().filter_map(|digit| [Some(0), Some(b'a'), None][*digit]).collect()
        };
        for (one, other) in (0..81).flat_map(|one| (0..81).map(move |other| (one, other))) {
            let (one, other) = (bytes(one), bytes(other));
            if let (Ok(first), Ok(second)) = (Address::new(&one), Address::new(&other)) {
                assert_eq!(first.as_bytes(), one);
                assert_eq!((first.cmp(&second), first == second), (one.cmp(&other), one == other));
            }
        }
    }

    #[test]
    fn an_address_is_shown_on_one_line_of_printable_ascii() {
        let shown = |bytes: &[u8]| {
            let address = Address::new(bytes).unwrap();
            (format!("{address}"), format!("{address:?}"))
        };
        let (text, debug) = shown("bob\n\r\u{202e}\u{7f}\"\\\u{e9}\0".as_bytes());
        assert_eq!(text, r#"bob\n\r\xe2\x80\xae\x7f\"\\\xc3\xa9\x00"#);
        assert_eq!(debug, format!("Address(\"{text}\")"));
        for byte in 0..=u8::MAX {
            let (text, debug) = shown(&[byte]);
            assert!([text, debug].iter().all(|text| text.chars().all(|c| matches!(c, ' '..='~'))));
        }
    }

    #[test]
    fn only_debug_cuts_an_address_and_only_one_that_is_escaped() {
        let whole = Address::new([b'a'; 64]).unwrap();
        assert_eq!(format!("{whole:?}"), format!("Address(\"{whole}\")"));
        let escaped = Address::new([0xff; 64]).unwrap();
        assert_eq!(format!("{escaped}"), r"\xff".repeat(64));
        assert_eq!(format!("{escaped:?}"), format!("Address(\"{}\"..)", r"\xff".repeat(16)));
    }
}
