//! Group: what goes to which device before a message (docs/protocol.md §18.3).

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::group::behind::Behind;
use crate::group::by_beginning::beginning;
use crate::group::directory::Directory;
use crate::group::group_recipients::in_order;
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::own_chain::{OwnChain, PRESENT};
use crate::group::signed_roster::Roster;
use crate::identity::{Address, Device};
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::distribution::DistributionFields;
use crate::wire::group_message::LAST_NUMBER;
use crate::wire::roster::OwnerBytes;

/// Parts for one device.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) to: Device,
    pub(crate) parts: ContentParts,
    /// Whether the device is new to the group: it may lack the lists of its members.
    pub(crate) is_newcomer: bool,
}

/// What goes pairwise, and to whom it does not get.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// In the order in which it is sent.
    pub(crate) pairwise: Vec<Due>,
    /// In order of address.
    pub(crate) unreached: Vec<Device>,
    /// Whom a message under this head goes to, in order of address.
    pub(crate) recipients: Vec<Address>,
}

/// The one to whom something may be due.
enum Whom {
    Recipient(OwnerBytes),
    /// Not in the head any more, and does not seem to know.
    Gone(OwnerBytes),
}

fn addresses<'a>(devices: impl IntoIterator<Item = &'a Cow<'a, Device>>) -> Vec<Address> {
    devices.into_iter().map(|device| device.address.clone()).collect()
}

impl Group {
    /// All that is due before a message under the head, whose secret is held.
    pub(crate) fn take_steps(
        &mut self,
        moment: &Moment<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Steps {
        let (directory, now) = (&moment.directory, moment.now);
        let recipients = self.recipients_of_each(directory, now);
        self.chains.maintain(now);
        if self.is_settled(&recipients, now) {
            let by_address = &mut self.orders.by_address;
            let mut sorted =
                by_address.sorted(&recipients, |one, other| one.address.cmp(&other.address));
            sorted.dedup();
            return Steps { recipients: addresses(sorted), ..Steps::default() };
        }
        let recipients = in_order(recipients);
        self.begin_chain_if_due(&recipients, now, rng);
        self.note_recipients(&recipients, directory, now);
        self.give_due(recipients, moment)
    }

    /// What is due without a message: no chain begins. Who has left gives what is due of the chains that they used, or others
    /// could never read that they did, and the head to whom may lack it; and nothing else.
    pub(crate) fn catch_up(&mut self, moment: &Moment<'_>) -> Steps {
        let (directory, now) = (&moment.directory, moment.now);
        self.chains.maintain(now);
        let recipients = self.recipients(directory, now);
        if self.chains.present().is_some() && !self.has_left(&directory.owner()) {
            self.note_recipients(&recipients, directory, now);
        }
        self.give_due(recipients, moment)
    }

    /// Whether nothing is due, nor anything to be noted: so it is between one message and the next, as a rule.
    fn is_settled(&mut self, recipients: &[Cow<'_, Device>], now: Timestamp) -> bool {
        let seal = &self.head().fields.seal;
        let goes_on = self.chains.present().is_some_and(|chain| chain.may_go_on(seal, now));
        if !goes_on || self.renews || !self.newcomers.is_empty() {
            return false;
        }
        let identities =
            recipients.iter().map(|device| (beginning(&device.identity.encode()), device));
        let whole = |device: &Device| device.identity.encode();
        let identities: Vec<_> = identities.collect();
        let by_identity = &mut self.orders.by_identity;
        let mut identities = by_identity.sorted(&identities, |(one, first), (other, second)| {
            one.cmp(other).then_with(|| whole(first).cmp(&whole(second)))
        });
        identities.dedup();
        // Both are in order.
        let mut next = identities.iter().peekable();
        let mut all = self.devices.iter();
        all.all(|(identity, device)| {
            let is_recipient = next.next_if(|(_, next)| next.identity.is(identity)).is_some();
            if is_recipient { device.has_all() } else { device.is_out() }
        }) && next.next().is_none()
    }

    fn give_due(&mut self, recipients: Vec<Cow<'_, Device>>, moment: &Moment<'_>) -> Steps {
        let (directory, now) = (&moment.directory, moment.now);
        let addresses = addresses(&recipients);
        let recipients = recipients.into_iter().map(|device| {
            let identity = device.identity.encode();
            (device.into_owned(), Whom::Recipient(identity))
        });
        let mut whom: Vec<(Device, Whom)> = recipients.collect();
        let has_left = self.has_left(&directory.owner());
        whom.extend(self.gone_and_behind(directory, now).into_iter().filter(|_| !has_left));
        whom.sort_by(|(one, _), (other, _)| one.address.cmp(&other.address));
        let mut steps = Steps { recipients: addresses, ..Steps::default() };
        for (to, whom) in whom {
            let is_reached = || (moment.can_reach)(&to);
            let identity = to.identity.encode();
            let is_newcomer = self.devices.get(&identity).is_some_and(|it| it.is_newcomer);
            let parts = match whom {
                Whom::Recipient(identity) => self.due_to_recipient(&identity, is_reached, moment),
                Whom::Gone(identity) => self.due_to_gone(&identity, directory, is_reached, now),
            };
            match parts {
                Some(parts) if parts.is_empty() => {}
                Some(parts) => steps.pairwise.push(Due { to, parts, is_newcomer }),
                None => steps.unreached.push(to),
            }
        }
        steps
    }

    /// 1: a new chain, if the present one may not go on.
    pub(crate) fn begin_chain_if_due(
        &mut self,
        recipients: &[Cow<'_, Device>],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.chains.maintain(now);
        let seal = self.head().fields.seal;
        let goes_on = self.chains.present().is_some_and(|chain| chain.may_go_on(&seal, now));
        if goes_on && !self.renews && !self.has_one_who_should_not(recipients) {
            return;
        }
        let chain = OwnChain::begin(&self.id, &self.us, seal, now, rng);
        self.chains.begin(chain);
        self.devices.iter_mut().for_each(|(_, device)| device.begin_chain());
        self.renews = false;
    }

    /// Whether one who had the present chain is no recipient any more.
    fn has_one_who_should_not(&self, recipients: &[Cow<'_, Device>]) -> bool {
        let identities: BTreeSet<OwnerBytes> =
            recipients.iter().map(|device| device.identity.encode()).collect();
        let mut had = self.devices.iter().filter(|(_, device)| device.has_had_present());
        had.any(|(identity, _)| !identities.contains(identity))
    }

    /// 2: who is no recipient and never had it is forgotten, and who is new noted.
    pub(crate) fn note_recipients(
        &mut self,
        recipients: &[Cow<'_, Device>],
        directory: &Directory<'_>,
        now: Timestamp,
    ) {
        let number = self.chains.present().map_or(0, OwnChain::next_number);
        let identities: BTreeMap<OwnerBytes, ()> =
            recipients.iter().map(|device| (device.identity.encode(), ())).collect();
        for (identity, device) in self.devices.iter_mut() {
            if !identities.contains_key(identity) {
                device.forget_unless_had();
            }
        }
        // One that is full goes to nobody new: the next one does.
        for identity in identities.keys().filter(|_| number <= LAST_NUMBER) {
            self.devices.at(identity).receive_from(number);
        }
        let newcomers = core::mem::take(&mut self.newcomers);
        for owner in newcomers {
            let mut is_known = false;
            directory.for_each_device(&owner, now, |device| {
                let identity = device.identity.encode();
                is_known = true;
                if identities.contains_key(&identity) {
                    self.devices.at(&identity).is_newcomer = true;
                }
            });
            if !is_known && self.rosters.head().has(&owner) {
                self.newcomers.insert(owner);
            }
        }
        self.devices.tidy();
    }

    /// 3, with the head where it is due. None if it cannot be reached, and something is due.
    fn due_to_recipient(
        &mut self,
        identity: &OwnerBytes,
        is_reached: impl FnOnce() -> bool,
        moment: &Moment<'_>,
    ) -> Option<ContentParts> {
        let (now, head) = (moment.now, self.rosters.head());
        let head_tag = head.tag();
        let Some(device) = self.devices.get(identity) else { return Some(ContentParts::none()) };
        let owner = moment.directory.owner();
        let has_left = self.has_left(&owner);
        if has_left && device.is_newcomer {
            // A head of who is no admin any more invites nobody, and without one no chain is of use.
            return Some(ContentParts::none());
        }
        // Without a seed there is the key of the next message alone, which never comes of who has left.
        let places: Vec<usize> = self
            .chains
            .iter()
            .filter(|(place, chain)| chain.has_seed() || (*place == PRESENT && !has_left))
            .map(|(place, _)| place)
            .filter(|place| device.given.get(*place).is_some_and(|it| it.is_some_and(|it| it.due)))
            .collect();
        let is_behind = device.behind.is_some_and(|behind| behind != Behind::Member(head_tag));
        // Who has left answers nobody who wants the roster of what they give, and nobody else may hold the one that they signed.
        let may_lack_head = if has_left {
            (is_behind || head.fields.signer == owner) && !places.is_empty()
        } else {
            device.is_newcomer || is_behind
        };
        let gets_head = may_lack_head && device.may_be_given(head_tag, now);
        if !gets_head && places.is_empty() {
            return Some(ContentParts::none());
        }
        if !is_reached() {
            return None;
        }
        let mut parts = ContentParts::none();
        if gets_head {
            push_roster(head, &mut parts);
            self.push_about(&mut parts);
        }
        for place in places {
            if let Some(distribution) = self.give_chain(place, identity) {
                parts.push(PartKind::DISTRIBUTION, &distribution);
            }
        }
        if let Some(device) = self.devices.get_mut(identity).filter(|_| gets_head) {
            device.is_newcomer = false;
            device.behind = None;
            device.give_roster(head_tag, now);
        }
        Some(parts)
    }

    /// Devices of people who are not in the head, and whose last message was under another.
    fn gone_and_behind(&self, directory: &Directory<'_>, now: Timestamp) -> Vec<(Device, Whom)> {
        let devices = self.devices.iter();
        let behind = devices.filter(|(_, device)| matches!(device.behind, Some(Behind::Gone(_))));
        let known = behind.filter_map(|(identity, _)| {
            let known = directory.device(identity, now).filter(|known| known.gone.is_none())?;
            let is_gone = !self.head().has(&known.person.owner().encode());
            is_gone.then(|| (known.device.clone(), Whom::Gone(*identity)))
        });
        known.collect()
    }

    fn due_to_gone(
        &mut self,
        identity: &OwnerBytes,
        directory: &Directory<'_>,
        is_reached: impl FnOnce() -> bool,
        now: Timestamp,
    ) -> Option<ContentParts> {
        let mut parts = ContentParts::none();
        let known = directory.device(identity, now);
        let owner = known.map(|known| known.person.owner().encode());
        let Some(device) = self.devices.get_mut(identity) else { return Some(parts) };
        let Some(Behind::Gone(wrote_under)) = device.behind else { return Some(parts) };
        let told = owner.map(|owner| self.rosters.up_to_dropped(&owner, wrote_under));
        let told = told.unwrap_or_default();
        let Some(dropped) = told.last().map(|dropped| dropped.tag()) else { return Some(parts) };
        if device.may_be_given(dropped, now) {
            if !is_reached() {
                return None;
            }
            told.iter().for_each(|roster| push_roster(roster, &mut parts));
            device.behind = None;
            device.give_roster(dropped, now);
        }
        Some(parts)
    }

    /// The chain in this place as a device that is its recipient gets it: it has it from now on.
    pub(crate) fn give_chain(
        &mut self,
        place: usize,
        identity: &OwnerBytes,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let head = self.rosters.head();
        let (chain, secret) = (self.chains.get(place)?, self.secrets.get(&head.fields.seal)?);
        let given = self.devices.get_mut(identity)?.given.get_mut(place)?.as_mut()?;
        let (number, chain_key) = chain.from(&self.id, given.from)?;
        given.had = true;
        given.due = false;
        let fields = DistributionFields {
            group: &self.id,
            roster: head.hash(),
            roster_secret: secret.secret.as_bytes(),
            verifying_key: &chain.verifying_key,
            number,
            chain_key: chain_key.as_bytes(),
        };
        Some(fields.encode())
    }

    /// The head's about, if it is held.
    pub(crate) fn push_about(&self, parts: &mut ContentParts) {
        if let Some(about) = self.head_about() {
            parts.push(PartKind::ABOUT, &[&self.id, about].concat());
        }
    }
}

pub(crate) fn push_roster(roster: &Roster, parts: &mut ContentParts) {
    parts.push(PartKind::ROSTER, &roster.encode());
}
