//! Facts about the build of a program.

use crate::collector::{Collector, Scrape};
use crate::error::Result;
use crate::model::{Desc, Family, InfoMetricFamily, MetricType, NO_LABELS, full_name};

/// Facts that were fixed when the program was built, as `build_info`.
///
/// ```
/// use narthex::collectors::BuildInfoCollector;
/// use narthex::for_each_family;
///
/// let build = BuildInfoCollector::new([("version", "1.4.0"), ("revision", "9f2c1e7")])?
///     .namespace("shop")?;
/// for_each_family(&build, &mut |family| {
///     assert_eq!(family.desc().name(), "shop_build");
///     family.for_each_sample(&mut |sample| {
///         assert!(sample.is_named("shop_build_info"));
///         assert_eq!(sample.labels().get("version").as_deref(), Some("1.4.0"));
///     });
///     Ok(())
/// })?;
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// [The type info](https://prometheus.io/docs/specs/om/open_metrics_spec/#info).
#[derive(Debug)]
pub struct BuildInfoCollector {
    facts: Vec<(String, String)>,
    family: InfoMetricFamily,
}

impl BuildInfoCollector {
    /// A collector of these facts, such as `("version", env!("CARGO_PKG_VERSION"))`.
    ///
    /// # Errors
    /// [`Error::is_invalid_label`](crate::Error::is_invalid_label) or
    /// [`Error::is_duplicate`](crate::Error::is_duplicate) if a name is not
    /// allowed or stands twice.
    pub fn new<I, N, V>(facts: I) -> Result<Self>
    where
        I: IntoIterator<Item = (N, V)>,
        N: Into<String>,
        V: Into<String>,
    {
        let facts: Vec<_> =
            facts.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let family = family("", &facts)?;
        Ok(Self { facts, family })
    }

    /// The same, as `<namespace>_build_info`.
    ///
    /// # Errors
    /// None today.
    pub fn namespace(self, namespace: &str) -> Result<Self> {
        Ok(Self { family: family(namespace, &self.facts)?, facts: self.facts })
    }
}

impl Collector for BuildInfoCollector {
    fn describe(&self) -> Vec<Desc> {
        vec![self.family.desc().clone()]
    }

    fn collect(&self, scrape: &mut Scrape<'_>) -> Result {
        scrape.family(&self.family)
    }
}

fn family(namespace: &str, facts: &[(String, String)]) -> Result<InfoMetricFamily> {
    let name = full_name(MetricType::Info, "build", namespace, "", "")?;
    let mut family = InfoMetricFamily::new(name.as_str(), "How this program was built.")?;
    let facts = facts.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    family.add_metric(NO_LABELS, facts)?;
    Ok(family)
}
