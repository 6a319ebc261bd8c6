//! The engine: frames and their time in, events out. It does no I/O and reads no clock, so that a file, a
//! pipe and a network card give the same result, and a test is a function call.

mod cap;
mod event;
mod held;
mod log;
mod run;
mod sensors;
mod stats;
mod streams;

pub use cap::{Cap, CapCounts};
pub use event::{
    CarrierLine, Coming, Event, FlowRef, MessageLine, Notice, NoticeKind, PacketView, Sink, StreamPart, Undelivered,
};
pub use held::{EngineHeld, HeldLimit, Level};
pub use log::EventLog;
pub use run::{Engine, EngineOptions};
pub use stats::{EngineStats, TcpStats};
