//! The names of fields, kinds and codes, which cross as numbers.

macro_rules! words {
    ($($word:ident)+) => {
        /// A name, as JavaScript sees it.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "they are spelled as JavaScript spells them")]
        #[allow(dead_code, reason = "some are of features that may be left out")]
        #[repr(u16)]
        pub(crate) enum Word { $($word),+ }

        /// All of them in their order, each behind a line break.
        pub(crate) const WORDS: &str = concat!($("\n", stringify!($word)),+);
    };
}

impl Word {
    #[expect(clippy::as_conversions, reason = "the number of a variant has no other way out")]
    pub(crate) fn place(self) -> u16 {
        self as u16
    }
}

// In order of the alphabet.
words! {
    accepted account accountWentBack address address_changed afterRead afterSend age altered
    author bad_signature beganSession blobLength body by bytes chainNearlyFull chain_full change
    changed changes chunkBytes chunks classical closed code commitment completed context
    conversation corrupt deleted deletedElsewhere disagreement droppedKeys due duplicate echoDue
    effects end ended event events evidence expired feedFrom forked freed gone heldKeyLifetime
    hybrid id idTaken identity identity_changed identity_undecided initiator invalid_argument keep
    key kind known late longestSleep lost malformed maxHeldKeys maxOlderChains maxOlderSessions
    maxOneTimePrekeys maxReplacedSignedPrekeys maxSkip mayNotSet message messagesSince mismatch
    needs_account needs_session noSession no_head no_page no_session no_such_chunk none notAuthor
    notHeld not_author not_ready not_yet_valid noted number_reused olderSessionLifetime onClose
    once oneTime oneTimePrekeys opened opens other otherDevice other_address other_body
    other_session ours outputFrom ownPolicy own_device page pageBytes pages parts peer
    peerWentBack placeholder policy prekeys previous read readElsewhere received refusal refused
    replacesAll replay_record_full replayed request responder seen sent serverWentBack session
    sessionNeed setting settingChanged settingRefused shown signed signedPart signedPrekeyGrace
    signedPrekeyLifetime signedPrekeyRotation silence size spentPrekey stamp start suite tell
    too_large top ttl twice unanswered unansweredLifetime undecryptable unknown unknown_message
    unknown_prekey unlimited unopened unproven unread unsent unsupported upload value verdict
    version versionJump waiting waitsForPeer weak_key withheld writes wrong_kind
}
