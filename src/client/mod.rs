//! How other servers are spoken to by all that sends: one client, and its settings.
//!
//! Whatever sends takes a [`Connection`], which says how long to wait, who one is, whom to trust
//! and when to try again.

// By itself it sends nothing, and each that sends uses its own part.
#![cfg_attr(not(all(feature = "push", feature = "remote-write")), allow(dead_code, unused_imports))]

mod address;
mod connection;
mod ending;
mod http;
mod retry;
mod user_agent;
mod waiting;
mod worker;

pub(crate) use self::address::{parse_address, wrong_address};
pub use self::connection::Connection;
pub(crate) use self::ending::{Ended, Ending};
pub(crate) use self::http::{Answer, Client, Outgoing, ask};
pub use self::retry::Retry;
pub(crate) use self::user_agent::USER_AGENT;
pub(crate) use self::waiting::Answered;
