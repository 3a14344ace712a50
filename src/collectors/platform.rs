//! Facts about the platform that a program was compiled for.

use std::env::consts::{ARCH, FAMILY, OS};

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{Desc, InfoMetricFamily, MetricType, NO_LABELS};

const NAME: &str = "platform";
const HELP: &str = "The platform that this program was compiled for.";

/// The platform as `platform_info`: `arch`, `family`, `os` and `pointer_width`.
///
/// The values are those of [`std::env::consts`]; the width is in bits.
///
/// ```
/// use narthex::collectors::PlatformCollector;
/// use narthex::for_each_family;
///
/// for_each_family(&PlatformCollector::new(), &mut |family| {
///     family.for_each_sample(&mut |sample| {
///         assert!(sample.is_named("platform_info"));
///         assert_eq!(sample.labels().get("os").as_deref(), Some(std::env::consts::OS));
///     });
///     Ok(())
/// })?;
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// [The type info](https://prometheus.io/docs/specs/om/open_metrics_spec/#info).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PlatformCollector;

impl PlatformCollector {
    /// The collector; it has nothing to set.
    pub fn new() -> Self {
        Self
    }
}

impl Collector for PlatformCollector {
    fn describe(&self) -> Vec<Desc> {
        Desc::new(NAME, HELP, MetricType::Info).into_iter().collect()
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        let width = usize::BITS.to_string();
        let facts = [("arch", ARCH), ("family", FAMILY), ("os", OS), ("pointer_width", &width)];
        let mut family = InfoMetricFamily::new(NAME, HELP)?;
        family.add_metric(NO_LABELS, facts)?;
        scrape.family(&family)
    }
}
