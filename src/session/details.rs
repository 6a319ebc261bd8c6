//! What the CONNECT of a connection says, and what becomes of it: nothing where the capture began later.

use super::connection::Session;
use super::delivery::{Name, PacketRef};
use super::end::End;
use super::subscription::SubscriptionState;
use super::will::{WillFate, WillState};
use crate::capture::{FrameNo, Origin};
use crate::flow::PerDirection;
use crate::rare::Blank;

/// What most connections that were joined in the middle have nothing of.
#[derive(Debug, Clone)]
pub struct Details {
    /// The client identifier: of the CONNECT, or assigned by the server.
    pub client_id: Option<Name>,
    /// Whether the server assigned it.
    pub client_id_assigned: bool,
    /// The CONNECT.
    pub connect: Option<Origin>,
    /// Clean Start or Clean Session of the CONNECT.
    pub clean_start: Option<bool>,
    /// Whether the client said it is a bridge.
    pub bridge: bool,
    /// The user name.
    pub username: Option<Box<[u8]>>,
    /// Whether the CONNECT says that it has one.
    pub has_username: Option<bool>,
    /// Seconds that the session outlives the connection; [`super::NEVER`] where it does not expire.
    pub expiry: Option<u32>,
    /// The will.
    pub will: Option<Box<WillState>>,
    /// What became of the will; settled when the connection has ended.
    pub will_fate: Option<WillFate>,
    /// The highest topic alias that was used in each direction.
    pub highest_alias: PerDirection<Option<u16>>,
    /// The flow of the client's connection before this one, if one was seen.
    pub previous: Option<FrameNo>,
    /// Whether this connection goes on with the session of that one.
    pub resumes: bool,
    /// The connection that took this one's place.
    pub taken_over: Option<PacketRef>,
    /// The subscriptions, those without an answer last; settled when the connection has ended.
    pub subscriptions: Vec<(Box<[u8]>, SubscriptionState)>,
    /// Subscriptions that are not among them, because there were too many.
    pub subscriptions_left_out: u64,
    /// How it ended; settled when the connection has.
    pub end: End,
    /// What the CONNECT asks for as to expiry.
    pub(super) asked_expiry: Option<u32>,
}

impl Details {
    const BLANK: Self = Self {
        client_id: None,
        client_id_assigned: false,
        connect: None,
        clean_start: None,
        bridge: false,
        username: None,
        has_username: None,
        expiry: None,
        will: None,
        will_fate: None,
        highest_alias: PerDirection { to_server: None, to_client: None },
        previous: None,
        resumes: false,
        taken_over: None,
        subscriptions: Vec::new(),
        subscriptions_left_out: 0,
        end: End::OPEN,
        asked_expiry: None,
    };
}

impl Default for Details {
    fn default() -> Self {
        Self::BLANK
    }
}

impl Blank for Details {
    fn blank() -> &'static Self {
        static BLANK: Details = Details::BLANK;
        &BLANK
    }
}

impl std::ops::Deref for Session {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.details
    }
}

impl std::ops::DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.details
    }
}
