//! Flows: which packets belong together, what each end of a TCP connection is known to have done, and
//! the byte stream of each direction.
//!
//! It follows TCP (RFC 9293) and counts UDP. What the bytes of a stream mean is no concern of it.

mod ahead;
mod brief;
mod datagrams;
mod durations;
mod endpoint;
mod followed;
mod histogram;
mod holes;
mod index;
mod letting_go;
mod limits;
mod metrics;
mod names;
mod oddity;
mod open;
mod place;
mod progress;
mod reassembly;
mod record;
mod resend;
mod side;
mod state;
mod summary;
mod table;
mod table_udp;
mod tcp;
mod traffic;
mod trouble;
mod usual;
mod verdict;
mod waiting;
mod wireshark;

pub use datagrams::Datagrams;
pub use durations::Durations;
pub use endpoint::{Direction, FlowKey, PerDirection, Role, Transport};
pub use followed::Flow;
pub use histogram::Histogram;
pub(crate) use index::Index;
pub use limits::FlowLimits;
pub use metrics::{Counters, Range, RareCounters};
pub use names::{Belongs, ConnectionId, NameChanges, Named};
pub use oddity::{Oddities, Oddity, Sighted};
pub use open::OpenFlow;
pub use reassembly::{ReassemblyLimits, StreamReassembler, StreamSink};
pub use record::{Close, CloseKind, KnownBy, Outcome};
pub use side::{Side, SynOptions, WindowScale};
pub use state::{Next, Signal, TcpState};
pub use summary::Shorthand;
pub use table::{Ended, EndedFlows, FlowTable, Found, Quoted};
pub use tcp::{Closing, Connection, Handshake, Proof, SecondFin, Transition};
pub use traffic::{DataTraffic, RareTraffic, Traffic};
pub use verdict::{Evidence, Marks, Retransmission, RetransmissionKind, Verdict};
pub use waiting::{Conversing, Waiting};
pub use wireshark::{Since, WiresharkAnalysis, WiresharkFlags, WiresharkRules, WiresharkVerdict};
