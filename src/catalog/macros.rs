//! Metrics that are declared as fields, so that a name that is wrong does not compile.

/// Declares metrics once: a struct with a field for each, and a static that has it.
///
/// An entry has a field by which the program finds it, a kind, the names of its labels if it has
/// some, the name that Prometheus knows it by, and in braces what else there is to say: `unit`,
/// `buckets`, `states`. Its documentation is its help text.
///
/// ```
/// narthex::catalog! {
///     /// What the trainer measures.
///     pub static METRICS: TrainerMetrics {
///         /// Steps done.
///         steps: Counter = "train.steps",
///         /// Loss of the last step.
///         loss: Gauge = "train.loss",
///         /// How long a step takes.
///         step_time: Histogram = "train.step" { unit: "milliseconds" },
///         /// Size of blocks that are read.
///         block: Histogram = "io.block" { unit: "bytes", buckets: &[4096.0, 65536.0] },
///         /// Requests answered.
///         requests: Counter["method", "code"] = "http.requests",
///         /// What it does.
///         phase: Enum = "train.phase" { states: &["idle", "training"] },
///     }
/// }
///
/// METRICS.steps.inc();
/// METRICS.requests.labels(("GET", 200)).inc();
/// METRICS.step_time.observe(12);
/// METRICS.phase.state("training")?;
///
/// // Once, in `main`.
/// let registry = narthex::CollectorRegistry::new();
/// METRICS.register(&registry)?;
/// assert_eq!(registry.get_sample_value("train.steps_total", &[]), Some(1.0));
///
/// // By a name that is known only when the program runs: the same instance.
/// let name = "train.steps".to_owned();
/// METRICS.counter(&name)?.inc();
/// assert_eq!(METRICS.steps.get(), 2.0);
/// # Ok::<(), narthex::Error>(())
/// ```
///
/// # What does not compile
///
/// A metric that is not there is a field that is not there: the compiler names one that is similar,
/// and an editor completes it.
///
/// ```compile_fail,E0609
/// # narthex::catalog! {
/// #     /// What the trainer measures.
/// #     pub static METRICS: TrainerMetrics {
/// #         /// Steps done.
/// #         steps: Counter = "train.steps",
/// #     }
/// # }
/// METRICS.setps.inc(); // no field `setps`; a field with a similar name exists: `steps`
/// ```
///
/// A kind is a type: a counter cannot be set.
///
/// ```compile_fail,E0599
/// # narthex::catalog! {
/// #     /// What the trainer measures.
/// #     pub static METRICS: TrainerMetrics {
/// #         /// Steps done.
/// #         steps: Counter = "train.steps",
/// #     }
/// # }
/// METRICS.steps.set(1); // no method named `set` found for struct `Counter`
/// ```
///
/// Where a name is better written as Prometheus knows it, [`metric!`](crate::metric!) finds it.
///
/// What [`Catalog::new`](crate::catalog::Catalog::new) would refuse is told by the compiler, with
/// the name of the entry:
///
/// ```compile_fail,E0080
/// narthex::catalog! {
///     /// What the trainer measures.
///     pub static METRICS: TrainerMetrics {
///         /// Rows of a batch.
///         // catalogue entry "train.rows": the bucket bounds do not ascend
///         rows: Histogram = "train.rows" { buckets: &[10.0, 1.0] },
///     }
/// }
/// ```
///
/// # More of the struct
///
/// It is made by `new()`, as often as one likes: a test has one of its own. By
/// [`Deref`](std::ops::Deref) it is the [`Catalog`](crate::catalog::Catalog) of its metrics. Its
/// `specs()` are the rows, and `from_catalog` is for a catalogue that was made of them in another
/// way, such as [in shared files](crate::catalog::Catalog::in_store). Written as
/// `pub struct TrainerMetrics { … }`, it has no static.
///
/// ```
/// narthex::catalog! {
///     /// What the mailer measures.
///     pub struct MailMetrics {
///         /// Mail that left.
///         sent: Counter["kind"] = "mail.sent",
///     }
/// }
///
/// let metrics = MailMetrics::new();
/// metrics.sent.labels(["text"]).inc();
/// assert_eq!(metrics.snapshot()?["mail.sent"].series.len(), 1);
/// assert_eq!(MailMetrics::specs()[0].labels(), ["kind"]);
/// # Ok::<(), narthex::Error>(())
/// ```
#[macro_export]
macro_rules! catalog {
    (
        $(#[$attribute:meta])*
        $visibility:vis static $static:ident: $type:ident { $($entries:tt)* }
    ) => {
        $crate::catalog! {
            $(#[$attribute])*
            $visibility struct $type { $($entries)* }
        }

        $(#[$attribute])*
        $visibility static $static: ::std::sync::LazyLock<$type> =
            ::std::sync::LazyLock::new($type::new);

        // Types have names of their own: `metric!` finds this one by the name of the static.
        #[doc(hidden)]
        #[allow(dead_code, non_camel_case_types)]
        $visibility type $static = $type;
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $type:ident {
            $(
                $(#[doc = $help:expr])*
                $field:ident: $kind:ident $([$($label:literal),+ $(,)?])? = $name:literal
                $({ $($setting:ident: $value:expr),* $(,)? })?
            ),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        $visibility struct $type {
            $(
                $(#[doc = $help])*
                #[doc = ""]
                #[doc = concat!("`", $name, "`")]
                pub $field: $crate::__catalog_type!($kind $([$($label)+])?),
            )+
            __catalog: $crate::catalog::Catalog,
        }

        const _: () = $crate::catalog::check_declared(&$type::DECLARED);

        const _: () = {
            #[allow(non_camel_case_types)]
            enum Place { $($field),+ }

            $(
                impl $crate::catalog::At<{ Place::$field as usize }> for $type {
                    type Metric = $crate::__catalog_type!($kind $([$($label)+])?);

                    fn at(&self) -> &Self::Metric {
                        &self.$field
                    }
                }
            )+
        };

        #[allow(clippy::new_without_default)]
        impl $type {
            /// What its metrics are declared to be, in the order of declaration.
            pub const DECLARED: [$crate::catalog::Declared<'static>; [$($name),+].len()] = [
                $(
                    $crate::catalog::Declared::new(
                        $crate::catalog::MetricKind::$kind,
                        $name,
                        concat!($($help),*),
                    )
                    $(.labels(&[$($label),+]))?
                    $($(.$setting($value))*)?,
                )+
            ];

            /// What its metrics are, in the order of declaration.
            #[allow(dead_code)]
            pub fn specs() -> ::std::vec::Vec<$crate::catalog::MetricSpec> {
                ::std::vec::Vec::from(Self::DECLARED.map(::std::convert::Into::into))
            }

            /// Metrics of its own, all at zero.
            #[allow(dead_code)]
            pub fn new() -> Self {
                $crate::catalog::declared_right(
                    $crate::catalog::Catalog::new(Self::specs()).and_then(Self::from_catalog),
                )
            }

            /// The metrics of a catalogue that has those of [`specs`](Self::specs).
            ///
            /// # Errors
            /// If one is missing, or is another.
            #[allow(dead_code)]
            pub fn from_catalog(catalog: $crate::catalog::Catalog) -> $crate::Result<Self> {
                ::std::result::Result::Ok(Self {
                    $($field: catalog.get($name)?,)+
                    __catalog: catalog,
                })
            }

            /// The catalogue that these are the metrics of.
            #[allow(dead_code)]
            pub fn catalog(&self) -> &$crate::catalog::Catalog {
                &self.__catalog
            }

            #[doc(hidden)]
            #[allow(dead_code)]
            pub fn __at<const PLACE: usize>(
                &self,
            ) -> &<Self as $crate::catalog::At<PLACE>>::Metric
            where
                Self: $crate::catalog::At<PLACE>,
            {
                <Self as $crate::catalog::At<PLACE>>::at(self)
            }
        }

        impl ::std::ops::Deref for $type {
            type Target = $crate::catalog::Catalog;

            fn deref(&self) -> &$crate::catalog::Catalog {
                &self.__catalog
            }
        }
    };
}

/// The type of the metric of an entry.
#[doc(hidden)]
#[macro_export]
macro_rules! __catalog_type {
    ($kind:ident) => { $crate::$kind };
    ($kind:ident [$($label:literal)+]) => {
        $crate::MetricVec<$crate::$kind, { [$($label),+].len() }>
    };
}

/// A metric of a [`catalog!`](crate::catalog!) by the name that Prometheus knows it by, which is
/// looked up when the program is compiled: what comes of it is the field.
///
/// Of a static, its name is enough; of another instance, the type is to be said, too.
///
/// ```
/// narthex::catalog! {
///     /// What the trainer measures.
///     pub static METRICS: TrainerMetrics {
///         /// Steps done.
///         steps: Counter = "train.steps",
///     }
/// }
///
/// narthex::metric!(METRICS, "train.steps").inc();
/// assert_eq!(METRICS.steps.get(), 1.0);
///
/// let metrics = TrainerMetrics::new();
/// assert_eq!(narthex::metric!(metrics, TrainerMetrics, "train.steps").get(), 0.0);
/// ```
///
/// A name that is not there does not compile:
///
/// ```compile_fail,E0080
/// # narthex::catalog! {
/// #     /// What the trainer measures.
/// #     pub static METRICS: TrainerMetrics {
/// #         /// Steps done.
/// #         steps: Counter = "train.steps",
/// #     }
/// # }
/// narthex::metric!(METRICS, "train.setps").inc(); // the catalogue has no metric "train.setps"
/// ```
#[macro_export]
macro_rules! metric {
    ($catalog:path, $name:literal) => {
        $crate::metric!($catalog, $catalog, $name)
    };
    ($catalog:expr, $type:ty, $name:literal) => {{
        const PLACE: usize = $crate::catalog::place_of(&<$type>::DECLARED, $name);
        $catalog.__at::<PLACE>()
    }};
}
