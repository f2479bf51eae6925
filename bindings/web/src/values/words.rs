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
    accepted account accountWentBack added address address_changed adopted afterRead afterSend age
    alone already_linked already_listed also altered author bad_signature beganSession blobLength
    body by bytes came chainFull chainNearlyFull chain_full change changed changes chunkBytes chunks
    classical closed code code_expired code_used commitment completed contact context conversation
    copyOf corrupt created decidedElsewhere decision deleted deletedElsewhere device devices digest
    digits disagreement droppedKeys due duplicate echoDue effects end ended equivocation event
    events evidence expired expires feedFrom forked freed given gone held heldKeyLifetime hybrid id
    idTaken identity identityUndecided identity_changed identity_undecided initiator
    invalid_argument isControl isNew isRefused isUnconfirmed joined keep key kind known late list
    listBehind listExpired list_expired list_full listed listedTwice listsDiffer longestSleep lost
    malformed marked maxHeldKeys maxOlderChains maxOlderSessions maxOneTimePrekeys
    maxReplacedSignedPrekeys maxSkip mayNotSet message messages messagesSince mismatch needsSession
    needs_account needs_session noSession no_head no_page no_session no_such_chunk nobody_reached
    none notAuthor notHeld not_author not_linking not_listed not_named not_own not_ready
    not_the_owner not_yet_valid noted number_reused of olderSessionLifetime older_list onClose once
    oneTime oneTimePrekeys opened opens other otherDevice other_address other_body other_device
    other_owner other_session ours outputFrom own ownPolicy own_device owner page pageBytes pages
    part parts peer peerWentBack peers people person placeholder policy prekeys previous putBack
    put_back read readElsewhere reason received refusal refused removal removalAsked removed
    replacesAll replay_record_full replayed request responder seen sent serverWentBack session
    sessionNeed setting settingChanged settingRefused shown signed signedPart signedPrekeyGrace
    signedPrekeyLifetime signedPrekeyRotation silence size skippedParts spentPrekey stale stamp
    standing start suite tell theirs to told too_large too_many_lists too_many_people top ttl twice
    unanswered unansweredLifetime unconfirmed undecryptable unknown unknownOwn unknown_message
    unknown_prekey unlimited unopened unproven unreached unread unsent unsupported upload value
    verdict verification verified version versionJump version_jump versions_used_up waiting
    waitsForPeer weak_key went withheld writes wrong_kind
}
