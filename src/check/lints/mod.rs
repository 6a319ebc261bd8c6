//! Good practice beyond the specifications: what is allowed, and still makes trouble sooner or later.

mod clients;
mod connect;
mod habits;
mod sessions;
mod told;
mod topics;
mod traffic;

use super::{Limits, Rule};

/// All lints.
pub(super) fn rules(limits: &Limits) -> Vec<Box<dyn Rule + Send>> {
    vec![
        Box::new(connect::ConnectRule::new(limits)),
        Box::new(topics::TopicRule::new(limits)),
        Box::new(clients::ClientRule::new(limits)),
        Box::new(habits::HabitRule::new(limits)),
        Box::new(sessions::SessionRule::new(limits)),
        Box::new(traffic::TrafficRule::new(limits)),
    ]
}
