//! The server for programs with a tokio runtime: connections, limits and the end.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time;

use crate::error::Result;
use crate::http::connection::{self, Manners};
use crate::http::handler::MetricsHandler;
use crate::http::listener::{Listener, Open, Stream};
use crate::http::seat::{Seat, SeatService};
use crate::http::service::MetricsService;

/// How long to wait before accepting again, when the system refused.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves metrics until `shutdown` completes.
///
/// Then the port is free at once, idle connections are closed, and scrapes
/// under way are finished, for at most five seconds.
/// [`MetricsServerBuilder::serve`](crate::http::MetricsServerBuilder::serve)
/// does the same with settings.
///
/// ```
/// use narthex::http::{MetricsHandler, serve};
/// use narthex::CollectorRegistry;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let handler = MetricsHandler::new(&CollectorRegistry::new());
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let server = tokio::spawn(serve(listener, handler, async { drop(stopped.await) }));
///
/// stop.send(()).unwrap();
/// assert!(server.await.unwrap().is_ok());
/// # });
/// ```
///
/// # Errors
/// [`Error::is_io`](crate::Error::is_io) if the runtime does not take the listener.
///
/// # Panics
/// Outside of a tokio runtime that has its I/O and its time enabled.
pub async fn serve(
    listener: impl Into<Listener>,
    handler: MetricsHandler,
    shutdown: impl Future<Output = ()>,
) -> Result {
    run(listener.into().open()?, handler, Manners::default(), shutdown).await;
    Ok(())
}

pub(super) async fn run(
    listener: Open,
    handler: MetricsHandler,
    manners: Manners,
    shutdown: impl Future<Output = ()>,
) {
    let service = MetricsService::new(handler);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut seats = Seats::default();
    let mut shutdown = pin!(shutdown);
    loop {
        let is_full = seats.taken.len() >= manners.limits.connections;
        select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next_with_id() => {
                seats.taken.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            stream = accept(&listener), if !is_full || seats.longest_waiting().is_some() => {
                if is_full {
                    seats.free_one();
                }
                let seat = Seat::new();
                let service = SeatService { service: service.clone(), seat: Arc::clone(&seat) };
                let served = connection::serve(stream, service, manners.clone(), stopping.clone());
                let task = connections.spawn(served);
                seats.taken.insert(task.id(), (seat, task));
            }
            // Nobody can be sent away yet.
            () = time::sleep(ACCEPT_PAUSE), if is_full => {}
        }
    }
    drop(listener);
    stop.send_replace(true);
    // Whoever is not done by then is cut off when the set is dropped.
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = time::timeout(manners.limits.grace, rest).await;
}

/// The connections that are open.
#[derive(Default)]
struct Seats {
    taken: HashMap<Id, (Arc<Seat>, AbortHandle)>,
}

impl Seats {
    /// Who has kept us waiting for longest.
    fn longest_waiting(&self) -> Option<Id> {
        let waiting =
            self.taken.iter().filter_map(|(id, (seat, _))| Some((seat.waits_since()?, *id)));
        waiting.min_by_key(|(since, _)| *since).map(|(_, id)| id)
    }

    /// Closes that connection, so that idle ones keep nobody out.
    fn free_one(&mut self) {
        let id = self.longest_waiting();
        if let Some((_, task)) = id.and_then(|id| self.taken.remove(&id)) {
            task.abort();
        }
    }
}

/// The next connection; an error never ends the server.
async fn accept(listener: &Open) -> Stream {
    loop {
        match listener.accept().await {
            Ok(stream) => return stream,
            Err(error) if concerns_one_client(&error) => {}
            // Out of descriptors or memory: trying again at once would only burn time.
            Err(_) => time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
