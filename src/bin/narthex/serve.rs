//! `narthex serve`: a sidecar that serves what the files of a directory come to.

use std::future::Future;
use std::io;
use std::sync::Arc;

use narthex::CollectorRegistry;
use narthex::http::{MetricsServer, MetricsServerBuilder};
use narthex::multiprocess::MultiProcessCollector;

use crate::options::ServeOptions;
use crate::output::{self, Failure, Outcome};

pub(crate) fn run(options: &ServeOptions) -> Result<Outcome, Failure> {
    output::complain_of_what_is_logged();
    let merged = MultiProcessCollector::new(&options.dir)?.folding(options.compact);
    let dir = merged.dir().display().to_string();
    let registry = CollectorRegistry::builder()
        .tell_failures(|name, error| output::complain(&format!("{name}: {error:?}")))
        .build();
    registry.register(Arc::new(merged))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inside = runtime.enter();
    // Before the address is told: whoever has read it may end the program.
    let ended = ended()?;
    drop(inside);

    let (builder, scheme) =
        configured(MetricsServer::builder(&registry).path(&options.path), options)?;
    let server = builder.start(&*options.listen)?;
    output::print(
        format!("serving {dir} on {scheme}://{}{}\n", server.local_addr(), options.path).as_bytes(),
    )?;
    runtime.block_on(ended);
    server.stop();
    Ok(Outcome::Sound)
}

/// The server as a configuration file has it, and what its addresses begin with.
#[cfg(feature = "web-config")]
fn configured(
    builder: MetricsServerBuilder,
    options: &ServeOptions,
) -> Result<(MetricsServerBuilder, &'static str), Failure> {
    let Some(path) = &options.web_config else { return Ok((builder, "http")) };
    let config = narthex::http::WebConfig::read(path)?;
    let scheme = if config.is_tls() { "https" } else { "http" };
    Ok((builder.web_config(config), scheme))
}

#[cfg(not(feature = "web-config"))]
fn configured(
    builder: MetricsServerBuilder,
    _: &ServeOptions,
) -> Result<(MetricsServerBuilder, &'static str), Failure> {
    Ok((builder, "http"))
}

/// Completes on Ctrl-C and on SIGTERM, which count from now on.
#[cfg(unix)]
fn ended() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn ended() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
