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
    about accepted account accountWentBack added address address_changed admin admins adopted
    afterRead afterSend again age alone already_linked already_listed also altered author
    bad_signature beganSession blobLength body broadcasts by bytes came chain chainFull
    chainNearlyFull chain_full change changed changes chunkBytes chunks classical closed code
    code_expired code_used commitment completed contact context conversation copyOf corrupt created
    decidedElsewhere decision deleted deletedElsewhere device devices digest digits disagreement
    dropped droppedKeys due duplicate echoDue effects end ended epoch equivocation event events
    evidence expired expires feedFrom forged forked former freed from given gone group groups held
    heldKeyLifetime hybrid id idTaken identity identityUndecided identity_changed identity_undecided
    initiator invalid_argument invitations invited isControl isNew isOwn isRefused isUnconfirmed
    isWithheld joined keep key kind known late left list listBehind listExpired list_expired
    list_full listed listedTwice listsDiffer longestSleep lost malformed marked maxHeldKeys
    maxOlderChains maxOlderSessions maxOneTimePrekeys maxReplacedSignedPrekeys maxSkip mayNotSet
    maySetTimer mayTakeBack member members message messages messagesSince mismatch missing
    missing_chain missing_list missing_roster needsSession needs_account needs_session noSession
    no_head no_page no_roster_secret no_session no_such_chunk nobody_reached none notAuthor notHeld
    not_a_member not_an_admin not_author not_invited not_linking not_listed not_named not_own
    not_ready not_the_owner not_yet_valid noted nothing_to_change number number_reused of
    olderSessionLifetime older_list onClose once oneTime oneTimePrekeys opened opens other
    otherDevice other_address other_body other_device other_group other_owner other_session ours
    outputFrom outranked own ownPolicy own_device owner page pageBytes pages pairwise part parts
    peer peerWentBack peers people person placeholder policy prekeys previous putBack put_back read
    readElsewhere reason received refusal refused removal removalAsked removed replacesAll
    replay_record_full replayed request responder role roles roster secret seen sender_at_fault sent
    serverWentBack session sessionNeed setsTimer setting settingChanged settingRefused shown signed
    signedPart signedPrekeyGrace signedPrekeyLifetime signedPrekeyRotation silence since size
    skippedParts spentPrekey stale stamp standing start suite tag tell theirs to told too_large
    too_many_lists too_many_people too_old top ttl twice unanswered unansweredLifetime unblocks
    unconfirmed undecryptable unknown unknownOwn unknown_group unknown_message unknown_prekey
    unlimited unopened unproven unreached unread unsent unsupported upload value verdict
    verification verified version versionJump version_jump versions_used_up waiting waitsForPeer
    weak_key went withheld writes wrong_about wrong_kind wrong_secret
}
