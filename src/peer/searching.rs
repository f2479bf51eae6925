//! Peer: which of many a message is of, where nobody says who sent it.

use crate::peer::other_device::Peer;
use crate::session::one_conversation::Session;
use crate::session::recognising::Sought;

impl Peer {
    /// The place of the peer among these that a message is of, as [`Peer::knows`] says; `None` if it is of none, or begins
    /// a session. Changes nothing.
    ///
    /// The bytes are taken apart once, and what is likely is asked of all before what is not: whether the message begins
    /// a turn in the session that sends, then whether it is late in it, then the other sessions, then chains that are
    /// over. Each costs the opening of a header, some hundred nanoseconds, for each peer: ask
    /// [`SenderIndex`](crate::SenderIndex) first, which finds most messages without.
    pub fn find_sender<'peers>(
        message: &[u8],
        peers: impl IntoIterator<Item = &'peers Self> + Clone,
    ) -> Option<usize> {
        let sought = Sought::of(message)?;
        let asked: [fn(&Self, &Sought<'_>) -> bool; 4] = [
            |peer, sought| peer.active(|session| session.knows_next(sought)),
            |peer, sought| peer.active(|session| session.knows_current(sought)),
            |peer, sought| {
                peer.sessions()
                    .skip(1)
                    .any(|session| session.knows_next(sought) || session.knows_current(sought))
            },
            |peer, sought| peer.sessions().any(|session| session.knows_older(sought)),
        ];
        asked
            .into_iter()
            .find_map(|knows| peers.clone().into_iter().position(|peer| knows(peer, &sought)))
    }

    /// Asks the session that sends.
    fn active(&self, ask: impl FnOnce(&Session) -> bool) -> bool {
        self.sessions().next().is_some_and(ask)
    }
}
