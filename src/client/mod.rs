//! How other servers are spoken to by all that sends: one client, and its settings.
//!
//! Whatever sends takes a [`Connection`], which says how long to wait, who one is, whom to trust
//! and when to try again.

// By itself it sends nothing.
#![cfg_attr(not(feature = "push"), allow(dead_code, unused_imports))]

mod connection;
mod http;
mod retry;
mod waiting;
mod worker;

pub use self::connection::Connection;
pub(crate) use self::http::{Client, Outgoing};
pub use self::retry::Retry;
pub(crate) use self::waiting::Answered;
