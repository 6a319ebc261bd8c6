//! The engine: frames and their time in, events out. It does no I/O and reads no clock, so that a file, a
//! pipe and a network card give the same result, and a test is a function call.

mod cap;
mod datagrams;
mod dns;
mod event;
mod exchanges;
mod held;
mod icmp;
mod idle;
mod log;
mod neighbours;
mod options;
mod quic;
mod run;
mod sensors;
mod stats;
mod streams;

pub use cap::{Cap, CapCounts};
pub use event::{
    CarrierLine, Coming, Event, FlowRef, MessageLine, NeighbourEnd, NeighbourMessage, Notice, NoticeKind, PacketView,
    Sink, StreamPart, Undelivered,
};
pub use held::{EngineHeld, HeldLimit, Level};
pub use log::EventLog;
pub use options::EngineOptions;
pub use run::Engine;
pub use stats::{EngineStats, TcpStats};
