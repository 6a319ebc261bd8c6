//! Fields: a name, a type and a way to read it, for each thing that a frame or a message tells; and what is built on
//! them: filters and columns.
//!
//! The names and types are Wireshark's, so that filters and column lists from there work here.

mod cell;
mod extract;
mod filter;
mod registry;
mod value;

pub use cell::{Columns, Quote, Which, value_text};
pub use extract::{Extractor, FrameRow, MessageRow};
pub use filter::{Filter, FilterError};
pub use registry::{Registry, nearest};
pub use value::{Base, Field, FieldId, Kind, Names, Occurrence, Row, Value};
