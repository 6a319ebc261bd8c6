//! MQTT sessions: what the two ends of each connection know of each other, and what becomes of it beyond the connection.
//!
//! [`Sessions`] takes the engine's events and follows each connection from CONNECT to its end, each client of a broker
//! across its connections, and, where that is asked for, each message through the broker. It judges nothing but facts:
//! what breaks a rule is told as an [`Incident`].

mod accept;
mod allowance;
mod answers;
mod aside;
mod broker;
mod budget;
mod checks;
mod client;
mod closings;
mod connection;
mod counts;
mod delivery;
mod details;
mod digest;
mod done;
mod early;
mod end;
mod exchange;
mod ids;
mod incident;
mod judge;
mod keep_alive;
mod levels;
mod open;
mod options;
mod order;
mod publication;
mod receipt;
mod receiver;
mod recent;
mod relief;
mod route;
mod small;
pub mod sn;
mod subscription;
mod tally;
mod topics;
mod tree;
mod waiting;
mod will;
mod wills;

pub use answers::AnswerTimes;
pub use broker::Sessions;
pub use connection::{NEVER, Session, SessionState};
pub use counts::{Counts, Limits};
pub use delivery::{
    Deliveries, Delivery, DeliveryCounts, DeliveryOutcome, Fault, Faults, Name, PacketRef, Sending, Step, Told,
};
pub use details::Details;
pub use end::{Cause, CauseKind, End, EndKind};
pub use exchange::Exchanges;
pub use incident::{Certainty, Incident, IncidentKind};
pub use keep_alive::KeepAlive;
pub(crate) use open::Open;
pub use options::{SessionOptions, SessionsHeld};
pub use receipt::{Missed, MissedWhy, Published, PublishedAs, Receipt, Receipts};
pub use sn::{SnSession, SnSessions};
pub use subscription::{SubscriptionState, Subscriptions};
pub use topics::Topic;
pub use will::{Sighting, WillFate, WillState};
