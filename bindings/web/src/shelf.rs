//! Where peers stand: with all others of the contacts that they were added to, or by themselves.
//!
//! The library holds peers side by side, and JavaScript holds each by itself: so a peer of JavaScript is a shelf and a
//! number, and not the peer.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use evanesce::Peer;
use evanesce::person::Contacts;

use crate::errors::Refusal;
use crate::values::words::Word;

/// Peers, and the people that they are of.
pub(crate) struct Shelf {
    pub(crate) contacts: Contacts,
    /// Of each peer, in their order.
    ids: Vec<u32>,
    /// Whether it is that of one peer that is in no contacts.
    #[cfg_attr(not(feature = "people"), expect(dead_code, reason = "there are no contacts then"))]
    is_single: bool,
}

/// A shelf, and who stands there.
pub(crate) type Shared = Rc<RefCell<Shelf>>;

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(1) };
}

fn next_id() -> u32 {
    NEXT.replace(NEXT.get().wrapping_add(1))
}

impl Shelf {
    fn holding(contacts: Contacts, is_single: bool) -> Shared {
        let ids = contacts.peers.iter().map(|_| next_id()).collect();
        Rc::new(RefCell::new(Self { contacts, ids, is_single }))
    }

    /// Nobody.
    #[cfg(feature = "people")]
    pub(crate) fn empty() -> Shared {
        Self::holding(Contacts::new(), false)
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.ids.iter().position(|it| *it == id)
    }

    /// Gives numbers to the peers that a call added behind the others.
    #[cfg(feature = "people")]
    pub(crate) fn number(&mut self) {
        let unnumbered = self.contacts.peers.len().saturating_sub(self.ids.len());
        self.ids.extend((0..unnumbered).map(|_| next_id()));
    }

    /// The number of the peer at this place.
    #[cfg(feature = "people")]
    pub(crate) fn id(&self, place: usize) -> Option<u32> {
        self.ids.get(place).copied()
    }

    /// Takes the peer at this place out.
    #[cfg(feature = "people")]
    pub(crate) fn remove(&mut self, place: usize) {
        if place < self.ids.len() && place < self.contacts.peers.len() {
            self.ids.remove(place);
            self.contacts.peers.remove(place);
        }
    }

    /// Everybody goes: who is asked for says so.
    #[cfg(feature = "people")]
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.contacts = Contacts::new();
    }
}

/// One peer on its shelf.
pub(crate) struct Place {
    pub(crate) shelf: Shared,
    pub(crate) id: u32,
}

impl Place {
    /// A peer by itself.
    pub(crate) fn single(peer: Peer) -> Self {
        let mut contacts = Contacts::new();
        contacts.peers.push(peer);
        let shelf = Shelf::holding(contacts, true);
        let id = shelf.borrow().ids.first().copied().unwrap_or_default();
        Self { shelf, id }
    }

    #[inline(never)]
    pub(crate) fn peer(&self) -> Result<RefMut<'_, Peer>, Refusal> {
        let shelf = self.shelf.try_borrow_mut().ok();
        let found = shelf.and_then(|shelf| {
            RefMut::filter_map(shelf, |shelf| {
                let place = shelf.place(self.id)?;
                shelf.contacts.peers.get_mut(place)
            })
            .ok()
        });
        found.ok_or_else(|| Refusal::new(Word::freed, "the Peer is in its contacts no more"))
    }

    /// Moves to another shelf, if it is by itself and nobody is there at its address. Says whether it is there now.
    #[cfg(feature = "people")]
    pub(crate) fn move_to(&mut self, other: &Shared) -> bool {
        {
            let (Ok(mut own), Ok(mut other)) =
                (self.shelf.try_borrow_mut(), other.try_borrow_mut())
            else {
                return false;
            };
            let is_known = |peer: &Peer| other.contacts.peer(peer.address()).is_some();
            if !own.is_single || own.contacts.peers.iter().any(is_known) {
                return false;
            }
            let moved = own.contacts.peers.pop();
            other.ids.extend(moved.as_ref().map(|_| self.id));
            other.contacts.peers.extend(moved);
        }
        self.shelf = Rc::clone(other);
        true
    }
}
