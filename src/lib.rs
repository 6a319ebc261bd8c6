//! `mqttsniff`: what happened on the wire, from TCP's handshake to MQTT's last acknowledgement.

pub mod capture;
pub mod flow;
pub mod mqtt;
pub mod text;
pub mod time;
pub mod wire;
