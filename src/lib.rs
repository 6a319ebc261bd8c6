//! `mqttsniff`: what happened on the wire, from TCP's handshake to MQTT's last acknowledgement.

mod analysis;
pub mod assertions;
pub mod cage;
pub mod capture;
pub mod check;
pub mod diff;
pub mod dissect;
pub mod engine;
pub mod excerpt;
pub mod field;
pub mod flow;
pub mod mqtt;
pub mod mqttsn;
pub mod neighbour;
mod prefetch;
pub mod rare;
pub mod redact;
pub mod render;
pub mod session;
pub mod sparkplug;
pub mod statistics;
pub mod text;
pub mod time;
pub mod token;
pub mod wire;

pub use analysis::{Analysis, Held, Output, Reader, Summary, Unsaved};
