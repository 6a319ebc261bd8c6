//! Sessions, exchanges, wills and routes in captures made by hand: each case that the specification has rules for.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;
mod exchanges;
mod net;
mod routing;
mod sessions;
mod wills;
