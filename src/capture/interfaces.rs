//! The interfaces that frames can be captured from.
//!
//! It lists them; opening one is the work of [`super::live`].

use std::net::IpAddr;

use super::live::{self, OpenError};

/// A network interface, as libpcap describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as [`LiveOptions`](live::LiveOptions) wants it.
    pub name: String,
    /// What it is in words, where the system says.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is ready to carry traffic.
    pub running: bool,
    /// Whether it is the loopback interface.
    pub loopback: bool,
    /// Whether it is a radio.
    pub wireless: bool,
}

/// The interfaces of this machine, the likeliest to be wanted first (libpcap's order).
pub fn list() -> Result<Vec<Interface>, OpenError> {
    live::devices()
}
