//! When the sinks are entered, given what is new, and left.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::Poll;

use tokio::runtime;
use tokio::select;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, ErrorKind, Result};
use crate::repeat::Background;
use crate::sink::SinkFuture;
use crate::window::level::MetricsLevel;
use crate::window::manager::MetricsManager;
use crate::window::outlet::Outlet;
use crate::window::series::Taken;

impl MetricsManager {
    /// Exports to all sinks, once, what is in the windows and what is new; to none if there is
    /// nothing. Sinks that nobody has entered are entered before that, and left after it.
    ///
    /// # Errors
    /// The first error of a sink; the other sinks are given theirs all the same. What a sink did not
    /// take it gets with its next export.
    pub async fn flush(&self) -> Result {
        self.for_each_sink(|place| Box::pin(self.flush_one(place))).await
    }

    /// Enters the sinks, exports at the interval until `shutdown` completes, exports what is left, and
    /// leaves the sinks.
    ///
    /// Each sink has its own pace: one that is slow or fails keeps no other waiting, and no
    /// recording. An export that is under way at the end is completed first. If the future is dropped,
    /// sinks are not left; what they were not given stays with the manager. Where it runs twice, sinks
    /// are entered once, and left after the second end.
    ///
    /// ```
    /// use narthex::sink::ConsoleSink;
    /// use narthex::window::{MetricsLevel, MetricsManager};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let manager = MetricsManager::builder()
    ///     .level(MetricsLevel::Detailed)
    ///     .sink(ConsoleSink::stderr())
    ///     .build()?;
    /// # let interrupted = std::future::ready(());
    /// # let _ = stringify!(
    /// let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    /// # );
    /// manager.put("jobs", 1.0, &[]);
    /// manager.run(interrupted).await?;
    /// # Ok::<(), narthex::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// That a sink cannot be entered, in which case those that were are left; or the first error of a
    /// last export or of leaving.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result {
        if self.level() == MetricsLevel::None {
            shutdown.await;
            return Ok(());
        }
        self.enter().await?;
        self.export_until(shutdown).await
    }

    /// Does the same as [`run`](Self::run) on a thread of its own, until it is stopped.
    ///
    /// # Errors
    /// That a sink cannot be entered; [`Error::is_io`] if no thread can be started.
    pub fn start(&self) -> Result<Flushing> {
        if self.level() == MetricsLevel::None {
            return Ok(Flushing { thread: None });
        }
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("no runtime for sinks can be made", error))?;
        let (end, ended) = oneshot::channel::<Infallible>();
        let (tell, entered) = mpsc::channel();
        let manager = self.clone();
        let thread = Background::start("metrics-sinks", end, move || {
            let done = runtime.block_on(async {
                let entered = manager.enter().await;
                let is_entered = entered.is_ok();
                // Whoever starts it waits for that.
                let _ = tell.send(entered);
                if !is_entered {
                    return Ok(());
                }
                manager.export_until(async { drop(ended.await) }).await
            });
            // What a sink left behind may take longer than anybody waits.
            runtime.shutdown_background();
            done
        })?;
        entered.recv().unwrap_or(Ok(()))?;
        Ok(Flushing { thread: Some(thread) })
    }

    async fn enter(&self) -> Result {
        let outlets = &self.inner.outlets;
        for (place, outlet) in outlets.iter().enumerate() {
            if let Err(error) = self.enter_one(outlet).await {
                for outlet in outlets[..place].iter().rev() {
                    // It was given nothing.
                    let _ = self.leave_one(outlet).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn enter_one(&self, outlet: &Outlet) -> Result {
        let mut entered = outlet.entered.lock().await;
        if *entered == 0 {
            self.limit(outlet, || outlet.sink.enter()).await?;
        }
        *entered += 1;
        Ok(())
    }

    async fn leave_one(&self, outlet: &Outlet) -> Result {
        let mut entered = outlet.entered.lock().await;
        *entered -= 1;
        match *entered {
            0 => self.limit(outlet, || outlet.sink.exit()).await,
            _ => Ok(()),
        }
    }

    async fn export_until(&self, shutdown: impl Future<Output = ()>) -> Result {
        let (tell, told) = watch::channel(false);
        let exporting =
            self.for_each_sink(|place| Box::pin(self.export_at_interval(place, told.clone())));
        let (mut exporting, mut shutdown) = (pin!(exporting), pin!(shutdown));
        select! {
            biased;
            done = &mut exporting => return done,
            () = &mut shutdown => {}
        }
        tell.send_replace(true);
        exporting.await
    }

    async fn export_at_interval(&self, place: usize, mut end: watch::Receiver<bool>) -> Result {
        let (settings, outlet) = (&self.inner.settings, &self.inner.outlets[place]);
        let mut begun = self.now();
        loop {
            let passed = self.now().saturating_sub(begun);
            select! {
                biased;
                _ = end.wait_for(|is_over| *is_over) => break,
                () = (settings.sleep)(settings.interval.saturating_sub(passed)) => {}
            }
            begun = self.now();
            // It is counted, and what was not taken is exported again.
            let _ = self.export(place).await;
        }
        let exported = self.export(place).await;
        exported.and(self.leave_one(outlet).await)
    }

    async fn flush_one(&self, place: usize) -> Result {
        let outlet = &self.inner.outlets[place];
        let entered = outlet.entered.lock().await;
        let Some(taken) = self.take(place) else { return Ok(()) };
        if *entered > 0 {
            return self.give(outlet, taken).await;
        }
        self.limit(outlet, || outlet.sink.enter()).await?;
        let given = self.give(outlet, taken).await;
        given.and(self.limit(outlet, || outlet.sink.exit()).await)
    }

    async fn export(&self, place: usize) -> Result {
        let outlet = &self.inner.outlets[place];
        let _entered = outlet.entered.lock().await;
        match self.take(place) {
            Some(taken) => self.give(outlet, taken).await,
            None => Ok(()),
        }
    }

    /// What a sink is to be given now, if there is anything.
    fn take(&self, place: usize) -> Option<Taken> {
        let (series, now) = (&self.inner.series, self.now());
        series.forget_idle(self.span(now));
        let taken = Taken::of(series, place, self.span(now), self.bounds(now));
        Some(taken).filter(|taken| !taken.snapshots.is_empty())
    }

    /// Gives it; what is not taken goes back.
    async fn give(&self, outlet: &Outlet, taken: Taken) -> Result {
        let done = self.limit(outlet, || outlet.sink.export(&taken.snapshots)).await;
        outlet.note(&done);
        if done.is_ok() {
            taken.keep();
        }
        done
    }

    /// Awaits what a sink does, for as long as it may take.
    async fn limit<'a>(&self, outlet: &'a Outlet, does: impl FnOnce() -> SinkFuture<'a>) -> Result {
        let settings = &self.inner.settings;
        select! {
            biased;
            done = outlet.contain(does) => done,
            () = (settings.sleep)(settings.export_timeout) => {
                let (name, longest) = (&outlet.name, settings.export_timeout);
                let message = format!("the sink {name} took longer than {longest:?}");
                Err(Error::new(ErrorKind::TimedOut, message))
            }
        }
    }

    /// Awaits something for all sinks at the same time; the first error in their order.
    async fn for_each_sink<'a>(&'a self, does: impl Fn(usize) -> SinkFuture<'a>) -> Result {
        let mut doing: Vec<_> =
            (0..self.inner.outlets.len()).map(|place| Doing::Still(does(place))).collect();
        poll_fn(|context| {
            let mut is_done = true;
            for one in &mut doing {
                if let Doing::Still(future) = one {
                    match Pin::new(future).poll(context) {
                        Poll::Ready(done) => *one = Doing::Done(done),
                        Poll::Pending => is_done = false,
                    }
                }
            }
            if is_done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        doing.into_iter().try_for_each(|one| match one {
            Doing::Done(done) => done,
            Doing::Still(_) => Ok(()),
        })
    }
}

enum Doing<'a> {
    Still(SinkFuture<'a>),
    Done(Result),
}

/// Exports at an interval, from a thread of its own, until it is stopped or dropped: then what is left
/// is exported, and the sinks are left.
///
/// A forked child has no such thread, and dropping what it inherited does nothing there.
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct Flushing {
    thread: Option<Background<oneshot::Sender<Infallible>>>,
}

impl Flushing {
    /// Exports what is left, leaves the sinks, and returns when that is done: at the latest when each
    /// sink has used up the [time](crate::window::MetricsManagerBuilder::export_timeout) that it may
    /// take, for an export that is under way, for the last one, and for being left.
    ///
    /// # Errors
    /// The first error of a last export or of leaving.
    pub fn stop(self) -> Result {
        self.thread.map_or(Ok(()), Background::stop)
    }
}
