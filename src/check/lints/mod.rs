//! Good practice beyond the specifications: what is allowed, and still makes trouble sooner or later.

mod clients;
mod connect;
mod deliveries;
mod habits;
mod sessions;
mod shared;
mod sparkplug;
mod table;
mod told;
mod topics;
mod traffic;
mod wills;

pub use table::RULES;

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
        Box::new(wills::WillRule::new(limits)),
        Box::new(deliveries::DeliveryRule::new(limits)),
        Box::new(shared::SharedRule::new(limits)),
        Box::new(sparkplug::SparkplugRule::default()),
    ]
}
