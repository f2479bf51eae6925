//! One message to a group, sealed and opened.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::commitment::{Commitment, CommitmentOpening};
use crate::crypto::hash::sha256;
use crate::crypto::signature::{SIGNATURE_LENGTH, SignatureKeyPair, UnpackedSignatureKey};
use crate::group::sender_chain::ChainName;
use crate::ratchet::message_key::{MessageContext, MessageKey, Sealed};
use crate::wire::group_message::{GROUP, GroupMessage, SEALED_GROUP_HEADER_LENGTH};

/// Separates what a group message is bound to (h).
const MESSAGE_LABEL: &[u8] = b"evanesce/v1 group message";

/// Separates signatures of group messages from every other signature.
const SIGNATURE_LABEL: &[u8] = b"evanesce/v1 group signature";

/// What a message is bound to, beside its own bytes.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) chain: &'a ChainName,
    /// The hash of the sender's head.
    pub(crate) roster: &'a [u8; 32],
    pub(crate) ad: &'a [u8],
}

impl Bound<'_> {
    // docs/protocol.md §18.4: h = SHA-256(label ‖ chain ‖ roster hash ‖ the 42 bytes before c2 ‖ ad)
    fn hash(&self, before_commitment: &[u8]) -> [u8; 32] {
        let Self { chain, roster, ad } = self;
        sha256(&[MESSAGE_LABEL, chain.as_bytes(), *roster, before_commitment, ad])
    }
}

// docs/protocol.md §18.4: label ‖ h ‖ c2 ‖ SHA-256(c1)
fn signed(hash: &[u8; 32], commitment: &Commitment, ciphertext: &[u8]) -> Vec<u8> {
    [SIGNATURE_LABEL, hash, commitment.as_bytes(), &sha256(&[ciphertext])].concat()
}

/// A message that is complete, and what is left of it to prove it by.
pub(crate) struct SealedGroupMessage {
    pub(crate) message: Vec<u8>,
    pub(crate) opening: CommitmentOpening,
    pub(crate) commitment: Commitment,
}

/// Seals a padded plaintext (M), whose place is wiped. Gives the message, and what proves it.
pub(crate) fn seal(
    padded: &mut Zeroizing<Vec<u8>>,
    header: &[u8; SEALED_GROUP_HEADER_LENGTH],
    message_key: MessageKey,
    signing: &SignatureKeyPair,
    bound: Bound<'_>,
) -> SealedGroupMessage {
    let mut message = Vec::with_capacity(message_length(padded.len()));
    message.push(GROUP);
    message.extend_from_slice(header);
    let hash = bound.hash(&message);
    let (Sealed { commitment, tag }, opening) =
        message_key.seal(padded, MessageContext::of_hash(hash));
    message.extend_from_slice(commitment.as_bytes());
    let start = message.len();
    message.extend_from_slice(padded);
    message.extend_from_slice(&tag);
    let ciphertext = message.get(start..).unwrap_or_default();
    let signature = signing.sign(&signed(&hash, &commitment, ciphertext));
    message.extend_from_slice(&signature);
    SealedGroupMessage { message, opening, commitment }
}

fn message_length(padded: usize) -> usize {
    let frame = 1 + SEALED_GROUP_HEADER_LENGTH + 32 + 16 + SIGNATURE_LENGTH;
    padded.saturating_add(frame)
}

/// Whether the sending device signed it.
#[must_use]
pub(crate) fn is_signed(
    message: &GroupMessage<'_>,
    signer: &UnpackedSignatureKey,
    bound: Bound<'_>,
) -> bool {
    let hash = bound.hash(message.before_commitment);
    let commitment = Commitment::new(*message.commitment);
    signer.verify(&signed(&hash, &commitment, message.ciphertext), message.signature)
}

/// Opens a message that is signed; `None` means that its sender made it so.
pub(crate) fn open(
    message: &GroupMessage<'_>,
    message_key: MessageKey,
    bound: Bound<'_>,
) -> Option<(Zeroizing<Vec<u8>>, CommitmentOpening)> {
    let (text, tag) = message.ciphertext.split_last_chunk()?;
    let mut padded = Zeroizing::new(text.to_vec());
    let sealed = Sealed { commitment: Commitment::new(*message.commitment), tag: *tag };
    let context = MessageContext::of_hash(bound.hash(message.before_commitment));
    let opening = message_key.open(&mut padded, &sealed, context)?;
    Some((padded, opening))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::roster_secret::GroupHeaderKey;
    use crate::known_answers::{self, Fields};
    use crate::wire::codec::DecodeError;
    use crate::wire::group_message::GroupHeader;
    use serde_json::json;

    #[test]
    fn vectors_group_messages() {
        for case in known_answers::groups_section("message") {
            let header_key = GroupHeaderKey::new(case.secret("gk"));
            let chain = ChainName::new(case.array("chain"));
            let roster = case.array("roster");
            let header = GroupHeader {
                sender: case.array("sender"),
                chain: chain.tag(),
                roster: crate::wire::group_message::tag_of(&roster),
                number: u8::try_from(case.number("n")).unwrap(),
            };
            assert_eq!(header.encode(), case.array("header"));
            let sealed = header_key.seal(&header);
            assert_eq!(sealed, case.array("sealed_header"));
            let ad = case.bytes("ad");
            let bound = Bound { chain: &chain, roster: &roster, ad: &ad };
            let signing = SignatureKeyPair::from_seed(&case.secret("signing_seed"));
            let mut padded = Zeroizing::new(case.bytes("m"));
            let key = MessageKey::new(case.secret("mk"));
            let SealedGroupMessage { message, opening, commitment } =
                seal(&mut padded, &sealed, key, &signing, bound);
            assert_eq!(*commitment.as_bytes(), case.array("c2"));
            assert_eq!(message, case.bytes("message"));
            assert_eq!((*opening.key(), *opening.context()), (case.array("k_f"), case.array("h")));
            let parsed = GroupMessage::decode(&message).unwrap();
            assert_eq!(header_key.open(parsed.sealed_header), Some(Ok(header)));
            let signer = UnpackedSignatureKey::decode(signing.public().as_bytes()).unwrap();
            assert!(is_signed(&parsed, &signer, bound));
            assert!(!is_signed(&parsed, &signer, Bound { ad: b"other", ..bound }));
            let key = MessageKey::new(case.secret("mk"));
            let (opened, again) = open(&parsed, key, bound).unwrap();
            assert_eq!((opened.as_slice(), again), (case.bytes("m").as_slice(), opening));
        }
        for case in known_answers::groups_section("message_refused") {
            let reason = match GroupMessage::decode(&case.bytes("message")) {
                Ok(_) => panic!("{}", case["comment"]),
                Err(DecodeError::Malformed) => "malformed",
                Err(DecodeError::Unsupported) => "unsupported",
            };
            assert_eq!(json!(reason), case["reason"], "{}", case["comment"]);
        }
    }
}
