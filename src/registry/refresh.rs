//! Awaiting the collectors that must await, all at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::CollectorRegistry;
use crate::collector::contain_panic;
use crate::error::{Error, Result};

type Refresh<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

impl CollectorRegistry {
    /// Awaits the collectors that must await, all at once, so that the next
    /// scrape tells what they say now.
    ///
    /// Failures are counted in [the self-metrics](crate::RegistryBuilder::self_metrics);
    /// such a collector tells its last good families.
    pub async fn refresh(&self) {
        let entries = self.inner.state.read().entries.clone();
        let mut waiting: Vec<(usize, Refresh<'_>)> = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            match contain_panic(&entry.title, || Ok(entry.collector.refresh())) {
                Ok(Some(refresh)) => waiting.push((place, refresh)),
                Ok(None) => {}
                Err(error) => self.note_refresh_failed(&entry.title, &error),
            }
        }
        poll_fn(|context| {
            waiting.retain_mut(|(place, refresh)| {
                let title = &entries[*place].title;
                match contain_panic(title, || Ok(refresh.as_mut().poll(context))) {
                    Ok(Poll::Pending) => return true,
                    Ok(Poll::Ready(Ok(()))) => {}
                    Ok(Poll::Ready(Err(error))) | Err(error) => {
                        self.note_refresh_failed(title, &error);
                    }
                }
                false
            });
            if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn note_refresh_failed(&self, title: &Arc<str>, error: &Error) {
        if let Some(tell) = &self.inner.options.tell {
            tell.call(title, error);
        }
        if self.inner.options.self_metrics {
            self.inner.self_metrics.note_failure(title);
        }
    }
}
