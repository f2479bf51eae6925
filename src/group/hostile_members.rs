//! Members, devices and strangers who mean harm: what they can bring about in a group.

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use crate::account::Account;
    use crate::group::changing::RosterChange;
    use crate::group::directory::Directory;
    use crate::group::group_delivered::GroupDelivered;
    use crate::group::group_event::GroupEvent;
    use crate::group::invitation::{InvitingBack, about_hash};
    use crate::group::invitations::Invitations;
    use crate::group::message_opening::GroupDecryptError;
    use crate::group::message_sending::nothing;
    use crate::group::moment::Moment;
    use crate::group::one_group::Group;
    use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
    use crate::group::role::SetsTimer;
    use crate::group::roster_secret::RosterSecret;
    use crate::group::signed_roster::Roster;
    use crate::identity::{Address, Device};
    use crate::peer::other_device::Peer;
    use crate::person::consent::ListedDevice;
    use crate::person::contacts::Contacts;
    use crate::person::our_devices::OwnDevices;
    use crate::stored::{StateWriter, Stored};
    use crate::time::Timestamp;
    use crate::wire::codec::Reader;
    use crate::wire::content_parts::{ContentParts, GroupPartKind, PartKind};
    use crate::wire::device_list::DeviceList;
    use crate::wire::distribution::{DistributionFields, WantKind};
    use crate::wire::group_message::{GROUP, GroupHeader, tag_of};
    use crate::wire::payload::Payload;
    use crate::wire::roster::{MemberFields, RosterFields};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// Somebody with one device.
    struct P {
        account: Account,
        own: OwnDevices,
        contacts: Contacts,
    }
    fn person(name: &str, rng: &mut ChaCha20Rng) -> P {
        let mut limits = crate::limits::Limits::default();
        limits.prekeys.one_time_prekeys = 1;
        let account = Account::generate_with_limits(Address::new(name).unwrap(), limits, NOW, rng);
        let mut own = OwnDevices::new(&account);
        let _ = own.refresh(&account, NOW).unwrap();
        P { account, own, contacts: Contacts::new() }
    }
    fn know(a: &mut P, b: &P) {
        let list = b.own.person().list().unwrap().clone();
        a.contacts.place_of_owner(list.owner());
        let _ = a.contacts.adopt(&a.own, list, NOW).unwrap();
    }
    impl P {
        fn dir(&self) -> Directory<'_> {
            Directory { own: &self.own, contacts: &self.contacts }
        }
        fn device(&self) -> Device {
            self.account.device()
        }
        fn owner(&self) -> [u8; 64] {
            self.account.device().identity.encode()
        }
    }
    fn all(_: &Device) -> bool {
        true
    }
    /// Whether it loads out of a store.
    fn restores(group: &Group) -> bool {
        let mut out = StateWriter::new();
        group.write(&mut out);
        Group::read(&mut Reader::new(out.as_bytes())).is_ok()
    }
    /// Alice's group of three; those of the others know root, secret.
    fn world() -> (ChaCha20Rng, P, P, P, Group, Group, Group) {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let (mut a, mut b, mut m) =
            (person("alice", rng), person("bob", rng), person("mallory", rng));
        know(&mut a, &b);
        know(&mut a, &m);
        know(&mut b, &a);
        know(&mut b, &m);
        know(&mut m, &a);
        know(&mut m, &b);
        let members: BTreeSet<_> = [b.owner(), m.owner()].into();
        let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
        let (ga, _) =
            Group::begin(&a.account, &members, b"hi", SetsTimer::Admins, &moment, rng).unwrap();
        let of = |p: &P| {
            let mut g = Group::of(ga.head().clone(), p.owner());
            let rs = *ga.secrets.get(&ga.head().fields.seal).unwrap().secret.as_bytes();
            let seal = ga.head().fields.seal;
            g.secrets.hold(&ga.id, RosterSecret::boxed(|out| *out = rs), &seal);
            g
        };
        let (gb, gm) = (of(&b), of(&m));
        (rng.clone(), a, b, m, ga, gb, gm)
    }

    /// A part that came alone in its message.
    fn hear(
        group: &mut Group,
        kind: GroupPartKind,
        bytes: &[u8],
        from: &P,
        by: &P,
        now: Timestamp,
    ) -> (Vec<GroupEvent>, PartHeard) {
        let inviting = &mut InvitingBack::default();
        let (mut events, heard) =
            group.hear_part(kind, bytes, &from.device(), &by.dir(), now, inviting);
        events.extend(group.tell_invitation(&by.owner(), now));
        (events, heard)
    }

    /// What goes to a device with a message, and the message.
    fn deliver(
        sent: crate::group::message_sending::Sent,
        from: &P,
        to: &mut P,
        group: &mut Group,
    ) -> GroupDelivered {
        for due in sent.steps.pairwise.iter().filter(|due| due.to == to.device()) {
            for part in due.parts.iter() {
                if let PartKind::OfGroups(kind) = part.kind {
                    let _ = hear(group, kind, part.bytes, from, to, NOW);
                }
            }
        }
        let bytes = sent.message.unwrap().bytes;
        group.decrypt(&mut to.own, &mut to.contacts, &bytes, b"", NOW).unwrap()
    }

    #[test]
    fn no_member_brings_an_about_of_another_group_into_the_store() {
        let (mut rng, _, mut b, m, _, mut gb, mut gm) = world();
        let foreign = [7; 32];
        // Made up, from nowhere, and Mallory its admin: it invites.
        let mut members = Vec::from([
            MemberFields { owner: b.owner(), since: 5, is_admin: false },
            MemberFields { owner: m.owner(), since: 5, is_admin: true },
        ]);
        members.sort_by_key(|member| member.owner);
        let fields = RosterFields {
            group: gb.id,
            epoch: 5,
            previous: [9; 32],
            rights: 0,
            seal: [1; 32],
            about: about_hash(&foreign, b"x"),
            members,
            signer: m.owner(),
        };
        let made_up = Roster::sign(&m.account, fields).encode();
        let kind = GroupPartKind::Roster;
        let (events, heard) = hear(&mut gb, kind, &made_up, &m, &b, NOW);
        assert!(heard.invites, "it is kept");
        let shown = |event: &GroupEvent| matches!(event, GroupEvent::Invited { .. });
        assert!(!events.iter().any(shown), "and the user is not asked at once");
        let mut parts = ContentParts::none();
        parts.push(PartKind::ABOUT, &[&foreign[..], b"x"].concat());
        let moment = Moment { directory: m.dir(), can_reach: &all, now: NOW };
        let sent = gm.send(&parts, &nothing(), &[], &moment, &mut rng).unwrap();
        let got = deliver(sent, &m, &mut b, &mut gb);
        assert_eq!(got.events, [GroupEvent::Refused { part: 0x11, reason: PartError::WrongAbout }]);
        assert!(restores(&gb));
    }

    #[test]
    fn no_admin_does_either_by_a_roster_that_follows() {
        let (mut rng, a, mut b, _, mut ga, mut gb, _) = world();
        let (foreign, head) = ([7; 32], ga.head().fields.clone());
        let (previous, about) = (*ga.head().hash(), about_hash(&foreign, b"x"));
        let next = Roster::sign(&a.account, RosterFields { epoch: 1, previous, about, ..head });
        let mut parts = ContentParts::none();
        parts.push(PartKind::ROSTER, &next.encode());
        parts.push(PartKind::ABOUT, &[&foreign[..], b"x"].concat());
        let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
        ga.renews = true;
        let sent = ga.send(&parts, &nothing(), &[], &moment, &mut rng).unwrap();
        let got = deliver(sent, &a, &mut b, &mut gb);
        assert!(
            got.events.contains(&GroupEvent::Refused { part: 0x11, reason: PartError::WrongAbout })
        );
        assert!(gb.head().fields.epoch == 1 && restores(&gb));
    }

    #[test]
    fn whatever_seal_a_junior_signs_a_senior_removes_them() {
        for seal in [[0; 32], [0xff; 32]] {
            let (mut rng, a, _, m, mut ga, _, _) = world();
            let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
            let roles = [(m.owner(), true)].into();
            let promote = RosterChange { roles, ..RosterChange::default() };
            ga.sign_change(&a.account, &promote, &moment, &mut rng).unwrap();
            let head = ga.head().fields.clone();
            let (epoch, previous, signer) = (head.epoch + 1, *ga.head().hash(), m.owner());
            let fields = RosterFields { epoch, previous, seal, signer, ..head };
            let theirs = Roster::sign(&m.account, fields).encode();
            let kind = GroupPartKind::Roster;
            let (_, heard) = hear(&mut ga, kind, &theirs, &m, &a, NOW);
            assert_eq!(heard.outcome, Ok(PartOutcome::Held));
            let remove = RosterChange { remove: [m.owner()].into(), ..RosterChange::default() };
            assert!(ga.sign_change(&a.account, &remove, &moment, &mut rng).is_ok());
        }
    }

    /// A message that whoever has the header key can make up.
    fn made_up(group: &Group, sender: [u8; 8], roster: [u8; 8]) -> Vec<u8> {
        let key = &group.secrets.newest_first().next().unwrap().header_key;
        let header = GroupHeader { sender, chain: [3; 8], roster, number: 0 };
        let mut bytes = Vec::from([GROUP]);
        bytes.extend(key.seal(&header));
        bytes.extend([0; 32 + 16 + 64]);
        bytes
    }

    #[test]
    fn made_up_headers_have_a_device_asked_four_times_a_day_and_names_end_after_two_weeks() {
        let (_, a, mut b, _, _, mut gb, _) = world();
        let victim = a.device().identity.member_tag().0;
        let mut asked = 0;
        for count in 1..1_000_u64 {
            let bytes = made_up(&gb, victim, count.to_be_bytes());
            let refused = gb.decrypt(&mut b.own, &mut b.contacts, &bytes, b"", NOW);
            assert!(matches!(refused, Err(GroupDecryptError::Missing(_))));
            let moment = Moment { directory: b.dir(), can_reach: &all, now: NOW };
            asked += gb.take_wants(&moment).len();
        }
        assert_eq!(asked, 4);
        let now = NOW.plus(core::time::Duration::from_secs(15 * 86_400));
        let bytes = made_up(&gb, [1; 8], [1; 8]);
        let _ = gb.decrypt(&mut b.own, &mut b.contacts, &bytes, b"", now);
        let moment = Moment { directory: b.dir(), can_reach: &all, now };
        assert!(gb.take_wants(&moment).is_empty());
    }

    #[test]
    fn what_strangers_give_of_unknown_groups_stays_bounded() {
        let (_, _, b, m, _, _, _) = world();
        let mut invitations = Invitations::none();
        let verifying_key = *m.owner().first_chunk::<32>().unwrap();
        let mut asked = 0;
        for count in 1..1_000_u64 {
            let mut roster = [0; 32];
            roster[..8].copy_from_slice(&count.to_be_bytes());
            let fields = DistributionFields {
                group: &[8; 32],
                roster: &roster,
                roster_secret: &[1; 32],
                verifying_key: &verifying_key,
                number: 0,
                chain_key: &[1; 32],
            };
            let from = m.device();
            let heard = invitations.hear_distribution(&fields.encode(), &from, &b.dir(), NOW);
            assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
            let moment = Moment { directory: b.dir(), can_reach: &all, now: NOW };
            asked += invitations.take_wants(&[8; 32], &moment).0.len();
        }
        assert_eq!(asked, 256);
        let mut out = StateWriter::new();
        invitations.write(&mut out);
        assert!(out.as_bytes().len() < 32_000, "{}", out.as_bytes().len());
    }

    #[test]
    fn whoever_adds_and_drops_made_up_people_is_kept_in_mind_with_a_thousand() {
        let (_, a, b, m, _, mut gb, _) = world();
        for round in 0..4_u8 {
            let people = (0..997_u32).map(|count| {
                let mut owner = [0; 64];
                owner[..5].copy_from_slice(&[&[round], &count.to_be_bytes()[..]].concat());
                MemberFields { owner, since: 2 * u32::from(round) + 1, is_admin: false }
            });
            let head = gb.head().fields.clone();
            let all_of_us = head.members.clone();
            let mut members: Vec<_> = all_of_us.iter().copied().chain(people).collect();
            members.sort_by_key(|member| member.owner);
            for members in [members, all_of_us] {
                let (epoch, previous) = (gb.epoch() + 1, *gb.head().hash());
                let seal = [u8::try_from(epoch).unwrap(); 32];
                let fields = RosterFields { epoch, previous, seal, members, ..head.clone() };
                let next = Roster::sign(&a.account, fields).encode();
                let now = NOW.plus(core::time::Duration::from_secs(epoch.into()));
                let (_, heard) = hear(&mut gb, GroupPartKind::Roster, &next, &a, &b, now);
                assert_eq!(heard.outcome, Ok(PartOutcome::Held), "{epoch}");
            }
        }
        assert_eq!(gb.gone.len(), 1_000);
        // Those who went last are among them.
        assert!(gb.gone.keys().filter(|owner| owner[0] == 3).count() == 997);
        assert!(gb.head().has(&m.owner()));
    }

    #[test]
    fn a_roster_of_before_invites_back_only_who_is_given_it_again_or_keeps_it_for_days() {
        let (_, a, b, m, ..) = world();
        let kind = GroupPartKind::Roster;
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let mut members = Vec::from([&a, &b, &m].map(|it| MemberFields {
            owner: it.owner(),
            since: 0,
            is_admin: it.owner() == a.owner(),
        }));
        members.sort_by_key(|member| member.owner);
        let roster = |epoch: u32, previous: [u8; 32]| {
            let (group, seal, about) = ([8; 32], [1; 32], [2; 32]);
            let (rights, signer, members) = (0, a.owner(), members.clone());
            let fields =
                RosterFields { group, epoch, previous, rights, seal, about, members, signer };
            Roster::sign(&a.account, fields)
        };
        // Bob came in by the one; the other is of another branch, and leads nowhere that he is.
        let (root, other) = (roster(7, [3; 32]), roster(5, [4; 32]));
        let is_asked = |group: &Group, days| group.invitation(&b.own, day(days)).is_some();
        let mut given = Group::of(root.clone(), b.owner());
        let bytes = other.encode();
        let (_, heard) = hear(&mut given, kind, &bytes, &a, &b, NOW);
        assert_eq!(heard.outcome, Err(PartError::TooOld));
        assert!(heard.invites && !is_asked(&given, 2) && is_asked(&given, 3));
        let (events, _) = hear(&mut given, kind, &bytes, &a, &b, day(0));
        assert!(!is_asked(&given, 2), "{events:?}");
        let (events, _) = hear(&mut given, kind, &bytes, &a, &b, day(1));
        assert!(is_asked(&given, 1) && restores(&given));
        assert!(events.iter().any(|it| matches!(it, GroupEvent::Invited { .. })), "{events:?}");
        // What was asked for comes with all that lost: it invites nobody, and is not asked for again.
        let mut asked = Group::of(root, b.owner());
        let annas = a.device().identity.member_tag().0;
        asked.name_wanted(annas, WantKind::Roster, other.tag(), &b.dir(), NOW);
        let asks = |group: &mut Group, days| {
            let moment = Moment { directory: b.dir(), can_reach: &all, now: day(days) };
            let wants = group.take_wants(&moment);
            wants.iter().filter(|it| it.want.kind == WantKind::Roster).count()
        };
        assert_eq!(asks(&mut asked, 0), 1);
        let mut inviting = InvitingBack::default();
        for roster in [&other, &roster(6, *other.hash())] {
            let (from, bytes) = (a.device(), roster.encode());
            let (_, heard) = asked.hear_part(kind, &bytes, &from, &b.dir(), NOW, &mut inviting);
            assert_eq!(heard.outcome, Err(PartError::TooOld));
            assert!(asked.invitation.is_none());
        }
        assert_eq!(asks(&mut asked, 1), 0);
        // But one that is above where he came in: of two who can show each other nothing else, one has to move.
        let above = roster(8, [5; 32]);
        asked.name_wanted(annas, WantKind::Roster, above.tag(), &b.dir(), day(1));
        assert_eq!(asks(&mut asked, 1), 1);
        let (_, heard) = hear(&mut asked, kind, &above.encode(), &a, &b, day(1));
        assert_eq!(heard.outcome, Err(PartError::TooOld));
        assert!(!is_asked(&asked, 3) && is_asked(&asked, 4));
        // At once where a chain waits for it, as with who came in by a roster that lost and is given the head.
        let owner = a.owner();
        let fields = DistributionFields {
            group: &[8; 32],
            roster: above.hash(),
            roster_secret: &[1; 32],
            verifying_key: owner.first_chunk().unwrap(),
            number: 0,
            chain_key: &[1; 32],
        };
        let kind = GroupPartKind::Distribution;
        for events in [&[invited(&asked, &a)][..], &[]] {
            let (told, heard) = hear(&mut asked, kind, &fields.encode(), &a, &b, day(1));
            assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
            assert_eq!(told, events, "it is told once");
        }
        assert!(is_asked(&asked, 1) && restores(&asked));
    }

    fn invited(group: &Group, by: &P) -> GroupEvent {
        GroupEvent::Invited { group: group.id(), by: by.device(), again: true }
    }

    #[test]
    fn an_invitation_that_the_user_is_asked_about_later_is_told_once_by_the_call_that_makes_it_so()
    {
        let (mut rng, a, mut b, _, _, mut gb, _) = world();
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let head = gb.head().fields.clone();
        let mut previous = *gb.head().hash();
        for epoch in 1..4 {
            let next = Roster::sign(&a.account, RosterFields { epoch, previous, ..head.clone() });
            previous = *next.hash();
            let _ = hear(&mut gb, GroupPartKind::Roster, &next.encode(), &a, &b, NOW);
        }
        assert_eq!(gb.epoch(), 3);
        let invite = |epoch: u32, previous: u8| {
            let previous = [previous; 32];
            Roster::sign(&a.account, RosterFields { epoch, previous, ..head.clone() })
        };
        // Each is kept and asked about later: by time alone, and by a message that is missing it.
        for (roster, is_by_message) in [(invite(9, 7), false), (invite(3, 8), true)] {
            gb.invitation = None;
            let (events, heard) =
                hear(&mut gb, GroupPartKind::Roster, &roster.encode(), &a, &b, NOW);
            assert!(heard.invites && !events.contains(&invited(&gb, &a)), "{events:?}");
            let owed = invited(&gb, &a);
            let mut told = |days: u64, b: &mut P, gb: &mut Group| {
                let mut in_group = b.own.in_group(&b.account, gb);
                let outgoing = in_group.catch_up(&mut b.contacts, day(days), &mut rng);
                let asked = in_group.ask(&mut b.contacts, day(days), &mut rng);
                let outgoing = outgoing.and(asked);
                assert!(outgoing.events.is_empty() || outgoing.changes.groups == [gb.id()]);
                outgoing.events
            };
            assert_eq!(told(0, &mut b, &mut gb), []);
            if is_by_message {
                assert_eq!(told(1, &mut b, &mut gb), [], "it is no further than the head");
                let sender = a.device().identity.member_tag().0;
                let bytes = made_up(&gb, sender, roster.tag());
                let refused = gb.decrypt(&mut b.own, &mut b.contacts, &bytes, b"", day(1));
                assert!(matches!(refused, Err(GroupDecryptError::Missing(_))));
            }
            assert_eq!(told(1, &mut b, &mut gb), [owed]);
            let mut out = StateWriter::new();
            gb.write(&mut out);
            gb = Group::read(&mut Reader::new(out.as_bytes())).unwrap();
            for days in [1, 2, 5] {
                assert_eq!(told(days, &mut b, &mut gb), [], "{days}");
            }
            assert!(gb.invitation(&b.own, day(5)).is_some());
        }
    }

    #[test]
    fn who_lacks_what_leads_to_the_head_is_asked_after_a_day_though_each_hour_brings_another_head()
    {
        let (_, a, b, _, _, mut gb, _) = world();
        let hour = |hours: u64| NOW.plus(core::time::Duration::from_secs(hours * 3_600));
        let head = gb.head().fields.clone();
        let next = |epoch: u32, previous: [u8; 32]| {
            Roster::sign(&a.account, RosterFields { epoch, previous, ..head.clone() })
        };
        // Alice wrote under one of them, so that what she gives of before it takes the place of what she gave last.
        let mut row = Vec::from([next(40, [7; 32])]);
        let chain = chain_under(&row[0], &a);
        let distribution = GroupPartKind::Distribution;
        let (_, heard) = hear(&mut gb, distribution, &chain, &a, &b, hour(0));
        assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
        for hours in 0..=24 {
            let last = row.last().unwrap();
            row.push(next(last.fields.epoch + 1, *last.hash()));
            let mut inviting = InvitingBack::default();
            for roster in &row {
                let (kind, bytes) = (GroupPartKind::Roster, roster.encode());
                let from = a.device();
                let (_, heard) =
                    gb.hear_part(kind, &bytes, &from, &b.dir(), hour(hours), &mut inviting);
                assert!(heard.invites);
            }
            // Once for each message, and not for each roster of its row.
            let told = gb.tell_invitation(&b.owner(), hour(hours));
            let asked = gb.invitation(&b.own, hour(hours));
            assert_eq!(asked.is_some(), hours >= 24, "after {hours} hours");
            assert!(asked.is_none_or(|asked| asked.roster == row.last().unwrap()));
            assert_eq!(told, (hours >= 24).then(|| invited(&gb, &a)), "after {hours} hours");
            assert_eq!(gb.tell_invitation(&b.owner(), hour(hours)), None);
        }
    }

    #[test]
    fn the_day_of_waiting_counts_from_the_first_that_was_missing_though_each_answer_begins_too_old()
    {
        let (_, a, b, m, ..) = world();
        let hour = |hours: u64| NOW.plus(core::time::Duration::from_secs(hours * 3_600));
        let three = [&a, &b, &m];
        let mut group = Group::of(roster(&a, three, &[&a], 7, [3; 32]), b.owner());
        let of = |epoch, previous| roster(&a, three, &[&a], epoch, previous);
        let mut row = Vec::from([of(8, [7; 32])]);
        // Alice wrote under it, so that it takes the place of whatever she gave.
        let chain = chain_under(&row[0], &a);
        let _ = hear(&mut group, GroupPartKind::Distribution, &chain, &a, &b, hour(0));
        for hours in 0..=24 {
            // Another head each hour, but for the last two: the same that is given again is told of once.
            if hours < 24 {
                row.push(of(row.last().unwrap().fields.epoch + 1, *row.last().unwrap().hash()));
            }
            let mut inviting = InvitingBack::default();
            let (kind, from) = (GroupPartKind::Roster, a.device());
            for (place, roster) in row.iter().enumerate() {
                let (bytes, now) = (roster.encode(), hour(hours));
                let (_, heard) = group.hear_part(kind, &bytes, &from, &b.dir(), now, &mut inviting);
                assert_eq!(heard.outcome == Err(PartError::TooOld), place == 0);
                assert!(heard.invites);
            }
            let invitation = group.invitation.as_ref().unwrap();
            assert_eq!((invitation.came, &invitation.roster), (hour(0), row.last().unwrap()));
            let told = group.tell_invitation(&b.owner(), hour(hours));
            let asked = group.invitation(&b.own, hour(hours));
            assert_eq!(asked.is_some(), hours >= 24, "after {hours} hours");
            assert_eq!(told, (hours >= 24).then(|| invited(&group, &a)), "after {hours} hours");
            assert!(restores(&group));
        }
        // Of the same that is given again a day later the user is told no second time.
        let mut inviting = InvitingBack::default();
        for roster in &row {
            let (kind, bytes) = (GroupPartKind::Roster, roster.encode());
            let _ = group.hear_part(kind, &bytes, &a.device(), &b.dir(), hour(48), &mut inviting);
        }
        assert_eq!(group.tell_invitation(&b.owner(), hour(48)), None);
        assert!(group.invitation(&b.own, hour(48)).is_some());
    }

    #[test]
    fn nobody_goes_back_to_what_led_to_the_roster_by_which_they_joined() {
        let (_, a, b, _, _, mut gb, _) = world();
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let head = gb.head().fields.clone();
        let next = |epoch: u32, previous: [u8; 32]| {
            Roster::sign(&a.account, RosterFields { epoch, previous, ..head.clone() })
        };
        let mut row = Vec::from([next(40, [7; 32])]);
        for epoch in 41..44 {
            row.push(next(epoch, *row.last().unwrap().hash()));
        }
        let hear_all = |group: &mut Group, rosters: &[Roster], days: u64| {
            let (kind, from, mut inviting) =
                (GroupPartKind::Roster, a.device(), InvitingBack::default());
            for roster in rosters {
                let bytes = roster.encode();
                let _ = group.hear_part(kind, &bytes, &from, &b.dir(), day(days), &mut inviting);
            }
        };
        hear_all(&mut gb, &row, 0);
        assert!(gb.invitation(&b.own, day(1)).is_some());
        assert!(gb.join_again(&b.dir(), day(1)).is_some());
        assert_eq!(gb.head(), row.last().unwrap());
        // A chain that was given long ago waits for the first of them, and a name is asked for.
        let chain = chain_under(&row[0], &a);
        let kind = GroupPartKind::Distribution;
        let (_, heard) = hear(&mut gb, kind, &chain, &a, &b, day(1));
        assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
        // Given alone it may be what Alice has gone back to; with those up to the head it is of before it.
        let (first, all) = (&row[..1], &row[..]);
        for (given, is_kept) in [(first, true), (all, false)] {
            hear_all(&mut gb, given, 2);
            assert_eq!(gb.invitation.is_some(), is_kept);
            assert_eq!(gb.waiting.has(&a.device(), row[0].hash()), is_kept);
        }
        for days in 2..9 {
            hear_all(&mut gb, all, days);
            assert!(gb.invitation(&b.own, day(days)).is_none(), "on day {days}");
        }
        assert!(gb.head() == row.last().unwrap() && restores(&gb));
    }

    #[test]
    fn what_a_stranger_made_up_long_ago_saves_nobody_the_day_of_waiting() {
        let (mut rng, a, b, m, ..) = world();
        let stranger = person("stranger", &mut rng);
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let kind = GroupPartKind::Roster;
        let root = roster(&a, [&a, &b, &m], &[&a], 7, [3; 32]);
        let mut group = Group::of(root, b.owner());
        // No further than the head, so that the user is never asked.
        let made_up = roster(&stranger, [&stranger, &b, &m], &[&stranger], 9, [5; 32]);
        let further = roster(&a, [&a, &b, &m], &[&a], 10, [6; 32]);
        let _ = hear(&mut group, kind, &made_up.encode(), &stranger, &b, NOW);
        assert!(group.invitation.is_some());
        let _ = hear(&mut group, kind, &further.encode(), &a, &b, day(5));
        assert_eq!(group.invitation.as_ref().unwrap().roster, further);
        for (days, is_asked) in [(5, false), (6, true)] {
            assert_eq!(group.invitation(&b.own, day(days)).is_some(), is_asked, "on day {days}");
        }
    }

    #[test]
    fn a_roster_of_one_who_was_removed_makes_nobody_forget_by_which_they_were() {
        let (_, a, b, m, ..) = world();
        let (kind, three) = (GroupPartKind::Roster, [&a, &b, &m]);
        // Mallory was an admin up to where Alice took that back, and has signed another one that names it as its previous.
        let before = roster(&a, three, &[&a, &m], 10, [3; 32]);
        let removing = roster(&a, three, &[&a], 11, *before.hash());
        let forked = roster(&m, three, &[&a, &m], 12, *removing.hash());
        let mut group = Group::of(forked.clone(), b.owner());
        let chain = chain_under(&removing, &a);
        let _ = hear(&mut group, kind, &removing.encode(), &a, &b, NOW);
        let _ = hear(&mut group, GroupPartKind::Distribution, &chain, &a, &b, NOW);
        let mut inviting = InvitingBack::default();
        for roster in [&before, &removing, &forked] {
            let bytes = roster.encode();
            let _ = group.hear_part(kind, &bytes, &m.device(), &b.dir(), NOW, &mut inviting);
        }
        assert_eq!(group.invitation.as_ref().unwrap().roster, removing);
        assert!(group.waiting.has(&a.device(), removing.hash()));
    }

    /// Alice writes under a roster that Bob lacks; her chain waits there. The roster, and the message.
    fn chain_that_waits(
        rng: &mut ChaCha20Rng,
        a: &P,
        b: &P,
        ga: &mut Group,
        gb: &mut Group,
    ) -> (Vec<u8>, Vec<u8>) {
        let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
        let change = RosterChange { about: Some(b"next".to_vec()), ..RosterChange::default() };
        assert!(ga.sign_change(&a.account, &change, &moment, rng).is_ok());
        ga.renews = true;
        let payload = Payload::new("hello");
        let sent = ga.send(&ContentParts::none(), &payload, b"", &moment, rng).unwrap();
        let due = sent.steps.pairwise.iter().find(|due| due.to == b.device()).unwrap();
        let part = due.parts.iter().find(|part| part.kind == PartKind::DISTRIBUTION).unwrap();
        let (_, heard) = hear(gb, GroupPartKind::Distribution, part.bytes, a, b, NOW);
        assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
        (ga.head().encode(), sent.message.unwrap().bytes)
    }

    /// A chain under a roster that nobody has.
    fn made_up_chain(group: &[u8; 32], from: &Device, count: u64) -> Vec<u8> {
        let mut roster = [0; 32];
        roster[..8].copy_from_slice(&count.to_be_bytes());
        let identity = from.identity.encode();
        let fields = DistributionFields {
            group,
            roster: &roster,
            roster_secret: &[1; 32],
            verifying_key: identity.first_chunk().unwrap(),
            number: 0,
            chain_key: &[1; 32],
        };
        fields.encode().to_vec()
    }

    fn flood(group: &mut Group, devices: &[Device], by: &P) {
        let id = group.id;
        for count in 0..6 {
            for device in devices {
                let bytes = made_up_chain(&id, device, count);
                let kind = GroupPartKind::Distribution;
                let inviting = &mut InvitingBack::default();
                let (_, heard) = group.hear_part(kind, &bytes, device, &by.dir(), NOW, inviting);
                assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
            }
        }
        assert!(group.waiting.iter().count() == 64 && restores(group));
    }

    fn opens(group: &mut Group, roster: &[u8], message: &[u8], from: &P, by: &mut P) {
        let (_, heard) = hear(group, GroupPartKind::Roster, roster, from, by, NOW);
        assert_eq!(heard.outcome, Ok(PartOutcome::Held));
        let got = group.decrypt(&mut by.own, &mut by.contacts, message, b"", NOW).unwrap();
        assert_eq!(got.received.body, b"hello");
    }

    #[test]
    fn people_who_are_no_members_push_out_nothing_that_waits_of_a_member() {
        let (mut rng, a, mut b, m, mut ga, mut gb, _) = world();
        let removed = RosterChange { remove: [m.owner()].into(), ..RosterChange::default() };
        let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
        assert!(ga.sign_change(&a.account, &removed, &moment, &mut rng).is_ok());
        let _ = hear(&mut gb, GroupPartKind::Roster, &ga.head().encode(), &a, &b, NOW);
        assert!(!gb.head().has(&m.owner()));
        let (roster, message) = chain_that_waits(&mut rng, &a, &b, &mut ga, &mut gb);
        let mut devices = Vec::from([m.device()]);
        for count in 0..16 {
            let stranger = person(&alloc::format!("stranger/{count}"), &mut rng);
            know(&mut b, &stranger);
            devices.push(stranger.device());
        }
        flood(&mut gb, &devices, &b);
        opens(&mut gb, &roster, &message, &a, &mut b);
    }

    #[test]
    fn one_member_with_all_their_devices_pushes_out_nothing_that_waits_of_another() {
        let (mut rng, a, mut b, m, mut ga, mut gb, _) = world();
        let owner = m.account.device().identity;
        let others: Vec<P> =
            (1..16).map(|count| person(&alloc::format!("mallory/{count}"), &mut rng)).collect();
        let accounts = core::iter::once(&m).chain(&others).map(|it| &it.account);
        let listed: Vec<_> =
            accounts.map(|account| ListedDevice::consenting(account, &owner, NOW)).collect();
        let list = DeviceList::sign(&m.account, &listed, 9, NOW).unwrap();
        let _ = b.contacts.adopt(&b.own, list, NOW).unwrap();
        let devices: Vec<_> = core::iter::once(&m).chain(&others).map(P::device).collect();
        let (roster, message) = chain_that_waits(&mut rng, &a, &b, &mut ga, &mut gb);
        flood(&mut gb, &devices, &b);
        opens(&mut gb, &roster, &message, &a, &mut b);
    }

    #[test]
    fn whoever_makes_up_senders_pushes_out_nothing_that_is_wanted_of_a_member() {
        let (_, a, mut b, _, _, mut gb, _) = world();
        let annas = a.device().identity.member_tag().0;
        gb.name_wanted(annas, WantKind::Chain, [5; 8], &b.dir(), NOW);
        for count in 1..400_u64 {
            let bytes = made_up(&gb, (count / 4).to_be_bytes(), count.to_be_bytes());
            let refused = gb.decrypt(&mut b.own, &mut b.contacts, &bytes, b"", NOW);
            assert!(matches!(refused, Err(GroupDecryptError::Missing(_))));
        }
        assert!(restores(&gb));
        let moment = Moment { directory: b.dir(), can_reach: &all, now: NOW };
        let wants = gb.take_wants(&moment);
        assert!(wants.iter().any(|it| it.of == a.device() && it.want.tag == [5; 8]));
    }

    #[test]
    fn strangers_push_out_no_invitation_of_somebody_whom_the_user_knows() {
        let (mut rng, a, mut b, ..) = world();
        b.contacts.peers.push(Peer::pinned(a.device()));
        let mut invitations = Invitations::none();
        let mut invites = |from: &P, group: u8| {
            let (previous, seal, about) = ([0; 32], [1; 32], [2; 32]);
            let mut members = Vec::from([&b, from].map(|it| MemberFields {
                owner: it.owner(),
                since: 0,
                is_admin: it.owner() == from.owner(),
            }));
            members.sort_by_key(|member| member.owner);
            let (epoch, rights, signer, group) = (0, 0, from.owner(), [group; 32]);
            let fields =
                RosterFields { group, epoch, previous, rights, seal, about, members, signer };
            let bytes = Roster::sign(&from.account, fields).encode();
            let heard = invitations.hear_roster(&bytes, &from.device(), &b.dir(), NOW);
            let mut all = invitations.iter();
            (heard.outcome, all.any(|it| it.from == a.device()))
        };
        assert_eq!(invites(&a, 0), (Ok(PartOutcome::Invited), true));
        for count in 1..40 {
            let stranger = person(&alloc::format!("stranger/{count}"), &mut rng);
            for round in 0..4 {
                let group = 1 + (4 * count + round) % 255;
                assert_eq!(invites(&stranger, group), (Ok(PartOutcome::Invited), true));
            }
            // Nor by a roster of their own of her group, whose name those who went know.
            assert_eq!(invites(&stranger, 0), (Err(PartError::NotInvited), true));
        }
    }

    #[test]
    fn who_leaves_invites_nobody() {
        let (_, a, b, m, _, mut gb, _) = world();
        let (head, previous, signer) = (gb.head().fields.clone(), [9; 32], m.owner());
        let mut members = head.members.clone();
        members.iter_mut().filter(|it| it.owner == signer).for_each(|it| it.is_admin = true);
        let fields = RosterFields { epoch: 5, previous, members, signer, ..head };
        let roster = Roster::sign(&m.account, fields).encode();
        let leave = [gb.id, [7; 32]].concat();
        for (by, is_left) in [(&a, true), (&m, false)] {
            let (_, heard) = hear(&mut gb, GroupPartKind::Roster, &roster, &m, &b, NOW);
            assert!(heard.invites);
            let (_, heard) = hear(&mut gb, GroupPartKind::Leave, &leave, by, &b, NOW);
            assert!(matches!(heard.outcome, Err(PartError::Missing(_))));
            assert_eq!(gb.invitation.is_some(), is_left, "her own ends, and no other");
        }
    }

    /// A roster of Alice's, by which others of the three are admins too.
    fn roster(a: &P, of: [&P; 3], admins: &[&P], epoch: u32, previous: [u8; 32]) -> Roster {
        let is_admin = |it: &P| admins.iter().any(|admin| admin.owner() == it.owner());
        let member = |it: &P| MemberFields { owner: it.owner(), since: 0, is_admin: is_admin(it) };
        let mut members = Vec::from(of.map(member));
        members.sort_by_key(|member| member.owner);
        let (group, seal, about, signer) = ([8; 32], [1; 32], [2; 32], a.owner());
        let fields =
            RosterFields { group, epoch, previous, rights: 0, seal, about, members, signer };
        Roster::sign(&a.account, fields)
    }

    fn chain_under(roster: &Roster, of: &P) -> Vec<u8> {
        let owner = of.owner();
        let fields = DistributionFields {
            group: &roster.fields.group,
            roster: roster.hash(),
            roster_secret: &[1; 32],
            verifying_key: owner.first_chunk().unwrap(),
            number: 0,
            chain_key: &[1; 32],
        };
        fields.encode().to_vec()
    }

    /// Asks somebody for a roster that never comes: what they give is an answer.
    fn ask(group: &mut Group, of: &P, by: &P, now: Timestamp) {
        group.wanted.name(
            of.device().identity.member_tag().0,
            WantKind::Roster,
            [9; 8],
            now,
            |_| BTreeSet::new(),
        );
        let moment = Moment { directory: by.dir(), can_reach: &all, now };
        assert!(!group.take_wants(&moment).is_empty());
    }

    #[test]
    fn who_cannot_invite_an_admin_follows_to_what_that_one_writes_under() {
        let (_, a, b, m, ..) = world();
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let (kind, chain) = (GroupPartKind::Roster, GroupPartKind::Distribution);
        let three = [&a, &b, &m];
        let lower = roster(&a, three, &[&a, &m], 5, [4; 32]);
        // What Bob came in by, whose admins are these; who writes under the lower one and answers; and whether it invites him.
        let cases = [
            (&[&a][..], &a, true),
            (&[&a, &b][..], &a, false), // he may show her his
            (&[&a][..], &m, false),     // she is an admin by what she gives alone
        ];
        for (admins, by, moves) in cases {
            let mut group = Group::of(roster(&a, three, admins, 7, [3; 32]), b.owner());
            for days in 0..2 {
                ask(&mut group, by, &b, day(days));
                let (_, heard) = hear(&mut group, kind, &lower.encode(), by, &b, day(days));
                assert_eq!(heard.outcome, Err(PartError::TooOld));
                // Before it is known that anybody writes under it, it may be one that lost.
                assert!(days > 0 || group.invitation.is_none());
                let (_, heard) =
                    hear(&mut group, chain, &chain_under(&lower, by), by, &b, day(days));
                assert_eq!(heard.outcome, Ok(PartOutcome::Waiting));
                let _ = hear(&mut group, kind, &lower.encode(), by, &b, day(days));
                assert_eq!(group.invitation.is_some(), moves);
                // Who holds it a day later too has not come to his.
                assert_eq!(group.invitation(&b.own, day(days)).is_some(), moves && days > 0);
                assert!(restores(&group));
            }
        }
    }

    #[test]
    fn what_a_device_writes_under_takes_the_place_of_what_it_gave_before() {
        let (_, a, b, m, ..) = world();
        let three = [&a, &b, &m];
        let admins = [&a, &m];
        let of = |epoch: u8| roster(&a, three, &admins, epoch.into(), [100 + epoch; 32]);
        let mut group = Group::of(of(7), b.owner());
        let invited = |group: &Group| group.invitation.as_deref().map(|it| it.roster.fields.epoch);
        // Mallory gives what lost, and then the head, of an earlier epoch. Before she writes under it the carrier may have held it
        // back. Nobody else's later one gives way to that of an earlier.
        let (given, writes) = (GroupPartKind::Roster, GroupPartKind::Distribution);
        for (kind, by, epoch, expected) in [
            (given, &m, 6, 6),
            (given, &m, 4, 6),
            (writes, &m, 4, 6),
            (given, &m, 4, 4),
            (given, &a, 3, 4),
            (given, &a, 5, 5),
            (given, &m, 4, 5),
        ] {
            let roster = of(epoch);
            let bytes = if kind == given { roster.encode() } else { chain_under(&roster, by) };
            let _ = hear(&mut group, kind, &bytes, by, &b, NOW);
            assert_eq!(invited(&group), Some(expected), "{kind:?} {epoch}");
        }
    }

    #[test]
    fn the_user_is_told_once_of_what_the_same_device_gives_again() {
        let (_, a, b, m, ..) = world();
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let three = [&a, &b, &m];
        let of = |epoch: u8| roster(&a, three, &[&a], epoch.into(), [100 + epoch; 32]);
        let mut group = Group::of(of(7), b.owner());
        let mut told = |epoch: u8, days: u64| {
            let bytes = of(epoch).encode();
            let (events, _) = hear(&mut group, GroupPartKind::Roster, &bytes, &a, &b, day(days));
            events.iter().filter(|event| matches!(event, GroupEvent::Invited { .. })).count()
        };
        assert_eq!([told(9, 0), told(9, 2), told(9, 3), told(9, 4), told(9, 4)], [0, 1, 0, 0, 0]);
        // What leads there is missing since the first.
        assert_eq!([told(10, 4), told(10, 6)], [1, 0]);
    }

    #[test]
    fn who_has_moved_is_asked_back_only_by_what_is_given_again_a_day_later() {
        let (_, a, b, m, ..) = world();
        let day = |days: u64| NOW.plus(core::time::Duration::from_secs(days * 86_400));
        let kind = GroupPartKind::Roster;
        let three = [&a, &b, &m];
        let root = roster(&a, three, &[&a, &m], 7, [3; 32]);
        let head = roster(&a, three, &[&a, &m], 8, *root.hash());
        let other = roster(&a, three, &[&a, &m], 5, [4; 32]);
        let mut group = Group::of(root.clone(), b.owner());
        for roster in [&head, &other] {
            let _ = hear(&mut group, kind, &roster.encode(), &a, &b, NOW);
        }
        assert!(group.join_again(&b.dir(), NOW).is_some());
        assert_eq!(group.head(), &other);
        assert!(restores(&group));
        let is_asked = |group: &Group, days| group.invitation(&b.own, day(days)).is_some();
        for given_up in [&root, &head] {
            let chain = chain_under(given_up, &m);
            let _ = hear(&mut group, GroupPartKind::Distribution, &chain, &m, &b, NOW);
            let (_, heard) = hear(&mut group, kind, &given_up.encode(), &m, &b, NOW);
            assert!(heard.invites && !is_asked(&group, 2) && is_asked(&group, 3));
            assert!(restores(&group));
        }
        // Who gives it a day later too may be right.
        let _ = hear(&mut group, kind, &head.encode(), &m, &b, day(1));
        assert!(is_asked(&group, 1));
        // What came after it is new.
        group.invitation = None;
        let next = roster(&a, three, &[&a, &m], 9, *head.hash());
        let _ = hear(&mut group, kind, &next.encode(), &m, &b, NOW);
        assert!(is_asked(&group, 1));
    }

    #[test]
    fn nobody_shuts_out_who_is_an_admin_of_the_head_by_inviting() {
        let (_, a, b, m, ga, mut gb, _) = world();
        let kind = GroupPartKind::Roster;
        let head = ga.head().fields.clone();
        let mut members = Vec::from([
            MemberFields { owner: b.owner(), since: 9, is_admin: false },
            MemberFields { owner: m.owner(), since: 9, is_admin: true },
        ]);
        members.sort_by_key(|member| member.owner);
        let (epoch, previous, signer) = (u32::MAX, [9; 32], m.owner());
        let fields = RosterFields { epoch, previous, members, signer, ..head.clone() };
        let made_up = Roster::sign(&m.account, fields).encode();
        let (_, heard) = hear(&mut gb, kind, &made_up, &m, &b, NOW);
        assert!(heard.invites);
        let fields = RosterFields { epoch: 7, previous: [8; 32], ..head };
        let genuine = Roster::sign(&a.account, fields);
        let (_, heard) = hear(&mut gb, kind, &genuine.encode(), &a, &b, NOW);
        assert!(heard.invites);
        let (_, heard) = hear(&mut gb, kind, &made_up, &m, &b, NOW);
        assert!(!heard.invites, "nor is it said that she invites");
        assert!(gb.invitation.is_some_and(|it| it.roster == genuine && it.from == a.device()));
    }

    #[test]
    fn who_was_out_in_between_is_shown_nothing_of_that_time() {
        let (mut rng, a, _, m, mut ga, ..) = world();
        let first = *ga.head().hash();
        let moment = Moment { directory: a.dir(), can_reach: &all, now: NOW };
        let removed = RosterChange { remove: [m.owner()].into(), ..RosterChange::default() };
        let added = RosterChange { add: [(m.owner(), false)].into(), ..RosterChange::default() };
        let mut hashes = Vec::new();
        for change in [&removed, &added, &removed] {
            assert!(ga.sign_change(&a.account, change, &moment, &mut rng).is_ok());
            hashes.push(*ga.head().hash());
        }
        let told = |under: &[u8; 32]| -> Vec<[u8; 32]> {
            let told = ga.rosters.up_to_dropped(&m.owner(), tag_of(under));
            told.iter().map(|roster| *roster.hash()).collect()
        };
        assert_eq!(told(&first), hashes[..1]);
        assert_eq!(told(&hashes[1]), hashes[2..]);
        assert_eq!(told(&[7; 32]), hashes[2..], "under one that nobody holds");
        assert!(ga.rosters.up_to_dropped(&a.owner(), tag_of(&first)).is_empty());
    }

    #[test]
    fn what_was_stored_beyond_its_bounds_does_not_load() {
        let (_, a, _, _, mut ga, ..) = world();
        let at = |seconds| NOW.plus(core::time::Duration::from_secs(seconds));
        let device = ga.devices.at(&a.owner());
        for count in 0..32_u8 {
            device.give_roster([count; 8], NOW);
        }
        for kind in [WantKind::Chain, WantKind::Roster, WantKind::Renew] {
            (0..4).for_each(|count| device.note_answer(kind, [count; 8], NOW));
        }
        for count in 0..1_000_u32 {
            let mut owner = [0; 64];
            owner[..4].copy_from_slice(&count.to_be_bytes());
            ga.gone.insert(owner, at(count.into()));
        }
        assert!(restores(&ga));
        ga.gone.insert([9; 64], NOW);
        assert!(!restores(&ga));
        ga.gone.remove(&[9; 64]);
        ga.devices.at(&a.owner()).note_answer(WantKind::Chain, [9; 8], NOW);
        assert!(!restores(&ga));
    }

    #[test]
    fn an_own_device_that_nobody_confirmed_leaves_for_nobody() {
        let (mut rng, _, mut b, _, _, mut gb, _) = world();
        // Somebody with the owner's key lists a device of theirs.
        let thief = person("bob/thief", &mut rng);
        let owner = b.account.device().identity;
        let listed = [&b.account, &thief.account]
            .map(|account| ListedDevice::consenting(account, &owner, NOW));
        let _ = b.own.adopt(DeviceList::sign(&b.account, &listed, 9, NOW).unwrap(), NOW).unwrap();
        assert_eq!(b.own.unconfirmed(), [thief.device()]);
        let bytes = [&gb.id[..], gb.head().hash()].concat();
        let kind = GroupPartKind::Leave;
        let (events, _) = hear(&mut gb, kind, &bytes, &thief, &b, NOW);
        assert_eq!(events, [GroupEvent::Refused { part: 0x14, reason: PartError::Former }]);
        assert!(gb.is_member(&b.own));
        let _ = b.own.confirm_all();
        let (events, _) = hear(&mut gb, kind, &bytes, &thief, &b, NOW);
        assert_eq!(events, [GroupEvent::Left { group: gb.id(), owner: b.owner() }]);
    }
}
