//! Replays the known answers of `groups-conversation-*.json`: the layer below sessions, which is told whom it can reach.

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use std::path::PathBuf;

    use core::convert::Infallible;
    use rand_core::{TryCryptoRng, TryRng};
    use serde_json::{Value, json};

    use crate::account::Account;
    use crate::crypto::hash::sha256;
    use crate::group::changing::{Changed, GroupChangeError, RosterChange};
    use crate::group::directory::Directory;
    use crate::group::invitation::InvitingBack;
    use crate::group::invitations::Invitations;
    use crate::group::message_opening::GroupDecryptError;
    use crate::group::message_sending::{GroupEncryptError, Sent};
    use crate::group::missing::{Missing, Unblocked};
    use crate::group::moment::Moment;
    use crate::group::one_group::Group;
    use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
    use crate::group::role::SetsTimer;
    use crate::group::steps::{Due, Steps};
    use crate::identity::{Address, Device};
    use crate::known_answers::{Draws, Fields, assert_fields, groups_files, long_bytes};
    use crate::person::contacts::Contacts;
    use crate::person::other_person::{AdoptError, Person};
    use crate::person::our_devices::OwnDevices;
    use crate::person::person_event::PersonEvent;
    use crate::person::verified_list::ListError;
    use crate::stored::{StateWriter, Stored};
    use crate::time::Timestamp;
    use crate::wire::codec::Reader;
    use crate::wire::content_parts::{ContentParts, PartKind};
    use crate::wire::device_list::DeviceList;
    use crate::wire::distribution::WantFields;
    use crate::wire::payload::Payload;
    use crate::wire::plaintext::Plaintext;
    use crate::wire::roster::OwnerBytes;
    use crate::wire::stamp::Stamp;
    use crate::wire::suite::Suite;

    /// A device of the file.
    struct Actor {
        account: Account,
        own: OwnDevices,
        contacts: Contacts,
        groups: Vec<Group>,
        invitations: Invitations,
    }

    /// Its identity, then whatever an account draws that does not matter here.
    struct Seeded(Option<[u8; 32]>);

    impl TryRng for Seeded {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            panic!("only whole draws are made")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            panic!("only whole draws are made")
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.copy_from_slice(&self.0.take().unwrap_or([7; 32]));
            Ok(())
        }
    }

    impl TryCryptoRng for Seeded {}

    struct World {
        actors: BTreeMap<String, Actor>,
        /// By identity.
        names: BTreeMap<OwnerBytes, String>,
        bytes: BTreeMap<String, Vec<u8>>,
        groups: BTreeMap<String, [u8; 32]>,
        saved: BTreeMap<(String, String), Vec<u8>>,
    }

    fn again<State: Stored>(state: &State) -> State {
        let mut out = StateWriter::new();
        state.write(&mut out);
        let mut reader = Reader::new(out.as_bytes());
        let restored = State::read(&mut reader).unwrap();
        assert_eq!(reader.finish(), Ok(()));
        let mut same = StateWriter::new();
        restored.write(&mut same);
        assert_eq!(out.as_bytes(), same.as_bytes());
        restored
    }

    impl Actor {
        fn directory(&self) -> Directory<'_> {
            Directory { own: &self.own, contacts: &self.contacts }
        }

        fn place(&self, group: &[u8; 32]) -> Option<usize> {
            self.groups.iter().position(|held| held.id == *group)
        }

        fn device(&self) -> Device {
            self.account.device()
        }

        fn save(&self) -> Vec<u8> {
            let mut out = StateWriter::new();
            self.own.write(&mut out);
            self.contacts.people.write(&mut out);
            self.groups.write(&mut out);
            self.invitations.write(&mut out);
            out.as_bytes().to_vec()
        }

        fn load(&mut self, saved: &[u8]) {
            let mut reader = Reader::new(saved);
            self.own = Stored::read(&mut reader).unwrap();
            self.contacts.people = Stored::read(&mut reader).unwrap();
            self.groups = Stored::read(&mut reader).unwrap();
            self.invitations = Stored::read(&mut reader).unwrap();
            assert_eq!(reader.finish(), Ok(()));
        }

        fn adopt(&mut self, bytes: &[u8], now: Timestamp) -> Value {
            let list = DeviceList::decode(bytes).map_err(ListError::from);
            let list = match list.and_then(|list| list.verify(now)) {
                Ok(list) => list,
                Err(ListError::Malformed) => return json!({ "error": "malformed" }),
                Err(ListError::BadSignature) => return json!({ "error": "bad_signature" }),
                Err(other) => panic!("{other:?}"),
            };
            let person: &mut Person = if list.owner() == self.own.person.owner() {
                &mut self.own.person
            } else {
                let place = self.contacts.place_of_owner(list.owner());
                &mut self.contacts.people[place]
            };
            match person.adopt(list, now) {
                Ok(Some(PersonEvent::Adopted { came, .. })) => {
                    let tags = came.iter().map(|device| device.identity.member_tag().0);
                    let unblocks: Vec<_> = tags.map(Unblocked::List).collect();
                    let mut told = json!({ "outcome": "adopted" });
                    if !unblocks.is_empty() {
                        told["unblocks"] = shown_unblocks(&unblocks);
                    }
                    told
                }
                Ok(_) => json!({ "outcome": "known" }),
                Err(AdoptError::OlderList) => json!({ "error": "older_list" }),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn shown_unblocks(unblocks: &[Unblocked]) -> Value {
        let shown = |unblocked: &Unblocked| match unblocked {
            Unblocked::List(tag) => json!(["list", hex::encode(tag)]),
            Unblocked::Roster(tag) => json!(["roster", hex::encode(tag)]),
            Unblocked::Chain(tag) => json!(["chain", hex::encode(tag)]),
            Unblocked::Secret(tag) => json!(["secret", hex::encode(tag)]),
        };
        unblocks.iter().map(shown).collect()
    }

    fn shown_missing(missing: &Missing) -> (&'static str, Value) {
        let name = match missing.kind {
            crate::group::missing::MissingKind::List => "missing_list",
            crate::group::missing::MissingKind::Roster => "missing_roster",
            crate::group::missing::MissingKind::Chain => "missing_chain",
        };
        (name, json!({ "tag": hex::encode(missing.tag), "device": hex::encode(missing.device) }))
    }

    fn shown_outcome(outcome: &Result<PartOutcome, PartError>) -> Value {
        let name = match outcome {
            Ok(PartOutcome::Held) => return json!({ "outcome": "held" }),
            Ok(PartOutcome::Known) => return json!({ "outcome": "known" }),
            Ok(PartOutcome::Waiting) => return json!({ "outcome": "waiting" }),
            Ok(PartOutcome::Invited) => return json!({ "outcome": "invited" }),
            Err(PartError::Missing(missing)) => {
                let (name, mut shown) = shown_missing(missing);
                shown["error"] = json!(name);
                return shown;
            }
            Err(PartError::Malformed) => "malformed",
            Err(PartError::Unsupported) => "unsupported",
            Err(PartError::WeakKey) => "weak_key",
            Err(PartError::BadSignature) => "bad_signature",
            Err(PartError::NotAnAdmin) => "not_an_admin",
            Err(PartError::Outranked) => "outranked",
            Err(PartError::OtherGroup) => "other_group",
            Err(PartError::TooOld) => "too_old",
            Err(PartError::NotInvited) => "not_invited",
            Err(PartError::WrongAbout) => "wrong_about",
            Err(PartError::UnknownGroup) => "unknown_group",
            Err(PartError::WrongSecret) => "wrong_secret",
            Err(PartError::NoRosterSecret) => "no_roster_secret",
            Err(PartError::NotAMember) => "not_a_member",
            Err(PartError::Former) => "former",
            Err(PartError::Forked) => "forked",
        };
        json!({ "error": name })
    }

    fn change_error(error: GroupChangeError) -> &'static str {
        match error {
            GroupChangeError::NotAnAdmin => "not_an_admin",
            GroupChangeError::Outranked => "outranked",
            GroupChangeError::Malformed | GroupChangeError::NothingToChange => "malformed",
            GroupChangeError::Removed => panic!("asked above"),
        }
    }

    impl World {
        fn owner(&self, name: &str) -> OwnerBytes {
            self.actors[name].own.person().owner().encode()
        }

        fn name(&self, identity: &OwnerBytes) -> String {
            self.names.get(identity).cloned().unwrap_or_else(|| hex::encode(identity))
        }

        fn group(&self, step: &Value) -> [u8; 32] {
            self.groups[&step.text("group")]
        }

        /// Bytes by id, as they stand, or in short.
        fn bytes_of(&self, step: &Value, field: &str) -> Vec<u8> {
            if let Some(id) = step.get("id") {
                return self.bytes[id.as_str().unwrap()].clone();
            }
            let value = step.field(field);
            if value.get("start").is_some() {
                let length = usize::try_from(value.number("length")).unwrap();
                let repeated = value.bytes("repeat").into_iter().cycle();
                return value.bytes("start").into_iter().chain(repeated).take(length).collect();
            }
            hex::decode(value.as_str().unwrap()).unwrap()
        }

        fn check_part(&mut self, kind: u8, bytes: &[u8], part: &Value) {
            assert_eq!(json!(kind), part["type"], "{part}");
            if let Some(new) = part.get("bytes") {
                assert_eq!(hex::encode(bytes), new.as_str().unwrap(), "{part}");
                self.bytes.insert(part.text("id"), bytes.to_vec());
            } else {
                assert_eq!(
                    hex::encode(bytes),
                    hex::encode(&self.bytes[&part.text("id")]),
                    "{part}"
                );
            }
        }

        fn check_parts(&mut self, parts: &ContentParts, expected: &Value) {
            let all: Vec<_> = parts.iter().map(|it| (it.kind.byte(), it.bytes.to_vec())).collect();
            let expected = expected.as_array().unwrap();
            let kinds =
                |parts: &[(u8, Vec<u8>)]| parts.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
            assert_eq!(all.len(), expected.len(), "{:?} {expected:?}", kinds(&all));
            for ((kind, bytes), part) in all.iter().zip(expected) {
                self.check_part(*kind, bytes, part);
            }
        }

        fn check_out(&mut self, message: Option<&[u8]>, steps: [Steps; 2], step: &Value) {
            match step.get("message") {
                Some(Value::Null) => assert!(message.is_none()),
                Some(Value::String(bytes)) => assert_eq!(hex::encode(message.unwrap()), *bytes),
                Some(hashed) => {
                    let hash = sha256(&[message.unwrap()]);
                    assert_eq!(hash, hashed.array("sha256"));
                }
                None => panic!("no message in {step}"),
            }
            if let (Some(message), Some(id)) = (message, step.get("id")) {
                self.bytes.insert(id.as_str().unwrap().to_string(), message.to_vec());
            }
            let [before, after] = steps;
            let mut unreached: Vec<Device> = [before.unreached, after.unreached].concat();
            unreached.sort_by(|one, other| one.address.cmp(&other.address));
            unreached.dedup();
            let unreached: Vec<String> =
                unreached.iter().map(|it| self.name(&it.identity.encode())).collect();
            let pairwise: Vec<Due> = before.pairwise.into_iter().chain(after.pairwise).collect();
            let to: Vec<String> =
                pairwise.iter().map(|due| self.name(&due.to.identity.encode())).collect();
            let expected = step["pairwise"].as_array().unwrap();
            let expected_to: Vec<_> = expected.iter().map(|due| due.text("to")).collect();
            assert_eq!(to, expected_to, "{step}");
            for (due, expected) in pairwise.iter().zip(expected) {
                self.check_parts(&due.parts, &expected["parts"]);
            }
            assert_eq!(json!(unreached), step["unreached"], "{step}");
        }

        fn show_heard(&self, heard: &PartHeard) -> Value {
            let mut shown = shown_outcome(&heard.outcome);
            if heard.invites {
                shown["invites"] = json!(true);
            }
            if !heard.unblocks.is_empty() {
                shown["unblocks"] = shown_unblocks(&heard.unblocks);
            }
            if !heard.waited.is_empty() {
                shown["waited"] = self.show_waited(heard);
            }
            shown
        }

        fn show_waited(&self, heard: &PartHeard) -> Value {
            let waited = heard.waited.iter().map(|(from, outcome)| {
                let mut shown = shown_outcome(outcome);
                shown["from"] = json!(self.name(&from.identity.encode()));
                shown
            });
            waited.collect()
        }

        fn hear(&mut self, to: &str, from: &str, kind: u8, bytes: &[u8], now: Timestamp) -> Value {
            let from = self.actors[from].device();
            let actor = self.actors.get_mut(to).unwrap();
            if kind == PartKind::List.byte() {
                return actor.adopt(bytes, now);
            }
            let start = usize::from(kind == 0x10);
            let group: Option<[u8; 32]> =
                bytes.get(start..start + 32).and_then(|group| group.try_into().ok());
            let place = group.and_then(|group| actor.place(&group));
            let directory = Directory { own: &actor.own, contacts: &actor.contacts };
            let heard = match (place.map(|place| &mut actor.groups[place]), kind) {
                (Some(group), 0x10) => {
                    let inviting = &mut InvitingBack::default();
                    group.hear_roster(bytes, &from, &directory, now, inviting)
                }
                (Some(group), 0x11) => group.hear_about(bytes),
                (Some(group), 0x12) => group.hear_distribution(bytes, &from, &directory, now),
                (Some(group), 0x14) => group.hear_leave(bytes, &from, &directory, now),
                (None, 0x10) => actor.invitations.hear_roster(bytes, &from, &directory, now),
                (None, 0x11) => actor.invitations.hear_about(bytes),
                (None, 0x12) => actor.invitations.hear_distribution(bytes, &from, &directory, now),
                (None, 0x14) => Invitations::hear_leave(bytes),
                other => panic!("part {}", other.1),
            };
            self.show_heard(&heard)
        }

        fn what(&self, step: &Value) -> RosterChange {
            let what = step.field("what");
            assert_fields(what, &["add", "roles", "remove", "about", "rights"]);
            let pairs = |field: &str| -> BTreeMap<OwnerBytes, bool> {
                let pairs = what.get(field).and_then(Value::as_array).into_iter().flatten();
                pairs.map(|it| (self.owner(it[0].as_str().unwrap()), it[1] == json!(1))).collect()
            };
            let remove = what.get("remove").and_then(Value::as_array).into_iter().flatten();
            RosterChange {
                add: pairs("add"),
                roles: pairs("roles"),
                remove: remove.map(|it| self.owner(it.as_str().unwrap())).collect(),
                about: what.get("about").map(|_| what.bytes("about")),
                sets_timer: what.get("rights").map(sets_timer),
            }
        }

        fn people(&self, owners: impl IntoIterator<Item = OwnerBytes>) -> Value {
            let mut names: Vec<_> = owners.into_iter().map(|owner| self.name(&owner)).collect();
            names.sort();
            json!(names)
        }

        fn unreachable(step: &Value) -> BTreeSet<String> {
            let names = step.get("unreachable").and_then(Value::as_array).into_iter().flatten();
            names.map(|name| name.as_str().unwrap().to_string()).collect()
        }

        #[expect(clippy::too_many_lines, reason = "one arm for each operation of the format")]
        fn step(&mut self, step: &Value) {
            let op = step.text("op");
            let now =
                Timestamp::from_unix_seconds(step.get("now").map_or(0, |_| step.number("now")));
            let unreachable = Self::unreachable(step);
            let names = self.names.clone();
            let can_reach =
                |device: &Device| !unreachable.contains(&names[&device.identity.encode()]);
            let mut rng = Draws(step.get("rng").map_or_else(Vec::new, |_| step.bytes("rng")));
            match op.as_str() {
                "lists" => {
                    assert_fields(step, &["op", "to", "lists", "now"]);
                    for to in step["to"].as_array().unwrap() {
                        for list in step["lists"].as_array().unwrap() {
                            let bytes = self.bytes[list.as_str().unwrap()].clone();
                            self.actors.get_mut(to.as_str().unwrap()).unwrap().adopt(&bytes, now);
                        }
                    }
                }
                "create" => {
                    let members = step["members"].as_array().unwrap().iter();
                    let members = members.map(|it| self.owner(it[0].as_str().unwrap())).collect();
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let directory = Directory { own: &actor.own, contacts: &actor.contacts };
                    let moment = Moment { directory, can_reach: &can_reach, now };
                    let (group, steps) = Group::begin(
                        &actor.account,
                        &members,
                        &step.bytes("about"),
                        sets_timer(&step["rights"]),
                        &moment,
                        &mut rng,
                    )
                    .unwrap();
                    self.groups.insert(step.text("group"), group.id);
                    let roster = group.head().encode();
                    actor.groups.push(group);
                    self.check_part(0x10, &roster, &step["roster"]);
                    self.check_out(None, [Steps::default(), steps], step);
                }
                "change" | "change_refused" => {
                    let (id, what) = (self.group(step), self.what(step));
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let place = actor.place(&id).unwrap();
                    let Actor { account, own, contacts, groups, .. } = actor;
                    let directory = Directory { own, contacts };
                    let moment = Moment { directory, can_reach: &can_reach, now };
                    let group = &mut groups[place];
                    let changed = group.sign_change(account, &what, &moment, &mut rng);
                    if op == "change_refused" {
                        let error = change_error(changed.err().unwrap());
                        assert_eq!(json!(error), step["error"], "{step}");
                    } else {
                        let Changed { before, message, after } =
                            changed.unwrap_or_else(|error| panic!("{error:?} {step}"));
                        let roster = group.head().encode();
                        self.check_part(0x10, &roster, &step["roster"]);
                        let message = message.map(|message| message.bytes);
                        self.check_out(message.as_deref(), [before, after], step);
                    }
                }
                "encrypt" | "encrypt_refused" | "encrypt_run" | "leave" | "leave_refused" => {
                    let id = self.group(step);
                    let mut parts = ContentParts::none();
                    for part in step.get("parts").and_then(Value::as_array).into_iter().flatten() {
                        let kind = u8::try_from(part.number("type")).unwrap();
                        let bytes = part.get("id").map_or_else(
                            || part.bytes("bytes"),
                            |id| self.bytes[id.as_str().unwrap()].clone(),
                        );
                        parts.push(PartKind::of_byte(kind).unwrap(), &bytes);
                    }
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let place = actor.place(&id).unwrap();
                    let Actor { own, contacts, groups, .. } = actor;
                    let directory = Directory { own, contacts };
                    let moment = Moment { directory, can_reach: &can_reach, now };
                    let group = &mut groups[place];
                    let sent: Result<Sent, GroupEncryptError> = if op.starts_with("leave") {
                        match group.stepping_down(&directory) {
                            Ok(None) => group.send_leaving(&moment, &mut rng),
                            Ok(Some(_)) => panic!("an admin's stepping down is another step"),
                            Err(error) => {
                                assert_eq!(json!(change_error(error)), step["error"], "{step}");
                                return;
                            }
                        }
                    } else {
                        let stamp = step.bytes("stamp");
                        let (stamp, rest) = Stamp::decode(&stamp).unwrap();
                        assert!(rest.is_empty());
                        let payload = Payload { stamp, body: long_bytes(&step["body"]) };
                        let ad = step.get("ad").map_or_else(Vec::new, |_| step.bytes("ad"));
                        let mut send = |group: &mut Group| {
                            group.send(&parts, &payload, &ad, &moment, &mut rng)
                        };
                        if op == "encrypt_run" {
                            let mut all = Vec::new();
                            for _ in 0..step.number("count") {
                                let sent = send(group).unwrap();
                                assert!(sent.steps.pairwise.is_empty());
                                all.extend(sent.message.unwrap().bytes);
                            }
                            assert_eq!(sha256(&[&all]), step.array("sha256"));
                            return;
                        }
                        send(group)
                    };
                    match sent {
                        Ok(Sent { message, steps }) => {
                            let message = message.map(|message| message.bytes);
                            self.check_out(message.as_deref(), [steps, Steps::default()], step);
                        }
                        Err(error) => {
                            let error = match error {
                                GroupEncryptError::NotAMember => "not_a_member",
                                GroupEncryptError::NoRosterSecret => "no_roster_secret",
                                GroupEncryptError::TooLarge => "too_large",
                                GroupEncryptError::Removed => panic!("asked above"),
                            };
                            assert_eq!(json!(error), step["error"], "{step}");
                        }
                    }
                }
                "renew" | "restored" | "began" => {
                    let id = step.get("group").map(|_| self.group(step));
                    let peer = step.get("peer").map(|_| self.actors[&step.text("peer")].device());
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    for group in
                        actor.groups.iter_mut().filter(|it| id.is_none_or(|id| it.id == id))
                    {
                        match (op.as_str(), &peer) {
                            ("renew", _) => group.renews = true,
                            ("restored", _) => group.drop_own_chains(),
                            (_, peer) => {
                                _ = group.note_new_session(&peer.as_ref().unwrap().identity)
                            }
                        }
                    }
                }
                "hear" => {
                    assert_fields(
                        step,
                        &["op", "to", "from", "type", "id", "bytes", "now", "expect"],
                    );
                    let bytes = self.bytes_of(step, "bytes");
                    let kind = u8::try_from(step.number("type")).unwrap();
                    let (to, from) = (step.text("to"), step.text("from"));
                    let heard = self.hear(&to, &from, kind, &bytes, now);
                    assert_eq!(heard, step["expect"], "{step}");
                }
                "join" => {
                    let id = self.group(step);
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let place = actor.place(&id);
                    let Actor { own, contacts, groups, invitations, .. } = actor;
                    let directory = Directory { own, contacts };
                    let heard = match place {
                        Some(place) => groups[place].join_again(&directory, now).unwrap(),
                        None => {
                            let (group, heard) = invitations.join(&id, &directory, now).unwrap();
                            groups.push(group);
                            heard
                        }
                    };
                    assert_eq!(shown_unblocks(&heard.unblocks), step["unblocks"], "{step}");
                    assert_eq!(
                        heard.waited.is_empty(),
                        step["waited"].as_array().unwrap().is_empty()
                    );
                    if !heard.waited.is_empty() {
                        assert_eq!(self.show_waited(&heard), step["waited"], "{step}");
                    }
                }
                "deliver" => {
                    let (id, wire) = (self.group(step), self.bytes_of(step, "wire"));
                    let ad = step.get("ad").map_or_else(Vec::new, |_| step.bytes("ad"));
                    let to = step.text("to");
                    let actor = self.actors.get_mut(&to).unwrap();
                    let place = actor.place(&id).unwrap();
                    let Actor { own, contacts, groups, .. } = actor;
                    let directory = Directory { own, contacts };
                    let opened = groups[place].open(&wire, &ad, &directory, now);
                    let shown = match opened {
                        Err(error) => shown_refusal(error),
                        Ok(opened) => {
                            let from = self.name(&opened.device.identity.encode());
                            let mut shown = json!({
                                "owner": self.name(&opened.owner),
                                "device": from,
                                "roster": hex::encode(&opened.roster[..8]),
                            });
                            let plaintext =
                                Plaintext::cut(&opened.padded, Suite::Classical).unwrap();
                            shown["body"] = json!(hex::encode(plaintext.body));
                            match &plaintext.stamp {
                                Ok(stamp) => {
                                    let mut bytes = Vec::new();
                                    stamp.encode_into(&mut bytes);
                                    shown["stamp"] = json!(hex::encode(bytes));
                                }
                                Err(_) => shown["malformed_stamp"] = json!(true),
                            }
                            let may_set = self.actors[&to].groups[place].may_set(&opened.owner);
                            shown["may_set"] = json!(may_set);
                            self.act_on_parts(&to, &from, &plaintext.parts, step, &mut shown, now);
                            shown
                        }
                    };
                    assert_eq!(shown, step["expect"], "{step}");
                }
                "wants" => {
                    let id = self.group(step);
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let place = actor.place(&id);
                    let Actor { own, contacts, groups, invitations, .. } = actor;
                    let directory = Directory { own, contacts };
                    let moment = Moment { directory, can_reach: &can_reach, now };
                    let wants = match place {
                        Some(place) => groups[place].take_wants(&moment),
                        None => invitations.take_wants(&id, &moment).0,
                    };
                    let expected = step["expect"].as_array().unwrap();
                    let of: Vec<_> =
                        wants.iter().map(|asked| self.name(&asked.of.identity.encode())).collect();
                    let expected_of: Vec<_> = expected.iter().map(|part| part.text("of")).collect();
                    assert_eq!(of, expected_of, "{wants:?} {step}");
                    for (asked, part) in wants.iter().zip(expected) {
                        self.check_part(0x13, &asked.want.encode(), part);
                    }
                }
                "answer" => {
                    let bytes = self.bytes_of(step, "bytes");
                    let from = self.actors[&step.text("from")].device();
                    let actor = self.actors.get_mut(&step.text("by")).unwrap();
                    let want = WantFields::decode(&bytes).map_err(|_| PartError::Malformed);
                    let answered = want.and_then(|want| {
                        let place = actor.place(&want.group).ok_or(PartError::UnknownGroup)?;
                        let Actor { own, contacts, groups, .. } = actor;
                        let directory = Directory { own, contacts };
                        groups[place].answer_want(&want, &from, &directory, now, &mut rng)
                    });
                    match answered {
                        Ok(parts) => self.check_parts(&parts, step["expect"].field("parts")),
                        Err(error) => {
                            assert_eq!(shown_outcome(&Err(error)), step["expect"], "{step}");
                        }
                    }
                }
                "merge_due" => {
                    let id = self.group(step);
                    let actor = &self.actors[&step.text("by")];
                    let group = &actor.groups[actor.place(&id).unwrap()];
                    let due = group.merge_due(&actor.directory()).map(|change| {
                        let add: Vec<_> = change.add.keys().map(|owner| self.name(owner)).collect();
                        let remove: Vec<_> =
                            change.remove.iter().map(|owner| self.name(owner)).collect();
                        json!({ "add": add, "remove": remove })
                    });
                    assert_eq!(json!(due), step["expect"], "{step}");
                }
                "state" => {
                    let id = self.group(step);
                    let actor = &self.actors[&step.text("by")];
                    let group = &actor.groups[actor.place(&id).unwrap()];
                    let tag =
                        |roster: &crate::group::signed_roster::Roster| hex::encode(roster.tag());
                    let others = group.rosters.others();
                    let void = others.iter().filter(|it| group.rosters.is_void(it));
                    let head = group.head();
                    let recipients = group.recipients(&actor.directory(), now);
                    let recipients: Vec<_> =
                        recipients.iter().map(|it| self.name(&it.identity.encode())).collect();
                    let undone = group.rosters.undone();
                    let left = head.owners().filter(|owner| group.has_left(owner));
                    let state = json!({
                        "head": hex::encode(head.hash()),
                        "epoch": head.fields.epoch,
                        "branch": group.rosters.branch().map(tag).collect::<Vec<_>>(),
                        "others": others.iter().map(|it| tag(it)).collect::<Vec<_>>(),
                        "void": void.map(|it| tag(it)).collect::<Vec<_>>(),
                        "withheld": self.people(undone.withheld.iter().copied()),
                        "wanted": self.people(undone.wanted.iter().copied()),
                        "left": self.people(left),
                        "recipients": recipients,
                    });
                    assert_eq!(state, step["expect"], "{step}");
                }
                "save" => {
                    let by = step.text("by");
                    self.saved.insert((by.clone(), step.text("as")), self.actors[&by].save());
                }
                "restore" => {
                    let by = step.text("by");
                    let saved = self.saved[&(by.clone(), step.text("from"))].clone();
                    self.actors.get_mut(&by).unwrap().load(&saved);
                }
                other => panic!("unknown step {other}"),
            }
            assert!(rng.0.is_empty(), "draws are left: {step}");
        }

        fn act_on_parts(
            &mut self,
            to: &str,
            from: &str,
            parts: &ContentParts,
            step: &Value,
            shown: &mut Value,
            now: Timestamp,
        ) {
            let (mut acted, mut skipped) = (Vec::new(), Vec::new());
            let expected = step["expect"].get("parts").and_then(Value::as_array).cloned();
            let mut expected = expected.unwrap_or_default().into_iter();
            for part in parts.iter() {
                let kind = part.kind.byte();
                if !Group::has_place_in_message(part.kind) {
                    skipped.push(kind);
                    continue;
                }
                let expected = expected.next().unwrap_or_else(|| panic!("a part more: {step}"));
                self.check_part(kind, part.bytes, &expected);
                let mut told = expected.clone();
                told["expect"] = self.hear(to, from, kind, part.bytes, now);
                acted.push(told);
            }
            if !acted.is_empty() {
                shown["parts"] = json!(acted);
            }
            if !skipped.is_empty() {
                shown["skipped"] = json!(skipped);
            }
        }

        /// All as it is after it was stored.
        fn restart(&mut self) {
            for actor in self.actors.values_mut() {
                actor.groups = actor.groups.iter().map(again).collect();
                actor.invitations = again(&actor.invitations);
            }
        }
    }

    fn sets_timer(rights: &Value) -> SetsTimer {
        if *rights == json!(1) { SetsTimer::Members } else { SetsTimer::Admins }
    }

    fn shown_refusal(error: GroupDecryptError) -> Value {
        let name = match error {
            GroupDecryptError::Missing(missing) => {
                let (name, mut shown) = shown_missing(&missing);
                shown["error"] = json!(name);
                return shown;
            }
            GroupDecryptError::Malformed => "malformed",
            GroupDecryptError::Unsupported => "unsupported",
            GroupDecryptError::Undecryptable | GroupDecryptError::Forged => "undecryptable",
            GroupDecryptError::Duplicate => "duplicate",
            GroupDecryptError::NotAMember => "not_a_member",
            GroupDecryptError::Former => "former",
            GroupDecryptError::Refused => panic!("nobody is refused"),
            GroupDecryptError::Forked => "forked",
            GroupDecryptError::Expired => "expired",
            GroupDecryptError::SenderAtFault => "sender_at_fault",
        };
        json!({ "error": name })
    }

    fn world(file: &Value) -> World {
        let devices = file["devices"].as_object().unwrap();
        let now = Timestamp::from_unix_seconds(1_600_000_000);
        let mut accounts = BTreeMap::new();
        for (name, device) in devices {
            let address = Address::new(device.bytes("address")).unwrap();
            let mut rng = Seeded(Some(device.array("seed")));
            let account = Account::generate(address, now, &mut rng);
            assert_eq!(account.device().identity.encode(), device.array("ident"));
            accounts.insert(name.clone(), account);
        }
        let identity = |name: &str| accounts[name].device().identity;
        let names = devices.keys().map(|name| (identity(name).encode(), name.clone())).collect();
        let owners: BTreeMap<String, _> =
            devices.iter().map(|(name, it)| (name.clone(), identity(&it.text("owner")))).collect();
        let mut actors = BTreeMap::new();
        for (name, account) in accounts {
            let own = OwnDevices::belonging_to(&account, owners[&name]);
            let (contacts, invitations) = (Contacts::new(), Invitations::none());
            actors.insert(name, Actor { account, own, contacts, groups: Vec::new(), invitations });
        }
        let lists = file["lists"].as_object().unwrap();
        let bytes = lists.keys().map(|name| (name.clone(), file["lists"].bytes(name))).collect();
        World { actors, names, bytes, groups: BTreeMap::new(), saved: BTreeMap::new() }
    }

    fn replay(path: &PathBuf) {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_fields(&file, &["format", "devices", "lists", "steps"]);
        assert_eq!(file["format"], json!(1));
        let mut world = world(&file);
        for (place, step) in file["steps"].as_array().unwrap().iter().enumerate() {
            std::println!("{:?} {place}", path.file_name().unwrap());
            world.step(step);
            world.restart();
        }
    }

    #[test]
    fn vectors_group_conversations() {
        let files = groups_files("groups-conversation-");
        assert!(!files.is_empty());
        let failed =
            files.iter().filter(|path| std::panic::catch_unwind(|| replay(path)).is_err()).count();
        assert_eq!(failed, 0);
    }
}
