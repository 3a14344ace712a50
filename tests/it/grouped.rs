//! Samples that were told one by one, put together.

use narthex::exposition;
use narthex::model::{Family, MetricFamily, NativeBuckets, Values};
use narthex::parser;

/// The families of a text, grouped where they are not, as text.
fn regrouped(text: &str) -> String {
    let families = parser::openmetrics::parse_all(text).unwrap();
    let grouped: Vec<_> = families
        .iter()
        .map(|family| MetricFamily::grouped(family).unwrap_or_else(|| family.clone()))
        .collect();
    for family in &grouped {
        family.for_each_chunk(&mut |chunk| match chunk.values() {
            Values::Floats { .. } => assert_eq!(family.desc().name(), "other"),
            _ => {
                assert_eq!(chunk.natives().map(|(_, n)| n.positive()).next(), None::<NativeBuckets>)
            }
        });
    }
    exposition::openmetrics::encode(&grouped).unwrap()
}

#[test]
fn histograms_and_summaries_are_the_same_as_one_row_each() {
    let text = "# HELP h \n# TYPE h histogram\n\
        h_bucket{a=\"1\",le=\"1.0\"} 2.0 # {t=\"x\"} 0.5 7.0\n\
        h_bucket{a=\"1\",le=\"+Inf\"} 3.0\n\
        h_count{a=\"1\"} 3.0\nh_sum{a=\"1\"} 9.5\nh_created{a=\"1\"} 12.5\n\
        h_bucket{a=\"2\",le=\"-1.0\"} 1.0\nh_bucket{a=\"2\",le=\"+Inf\"} 4.0\n\
        # HELP g \n# TYPE g gaugehistogram\n\
        g_bucket{le=\"1.0\"} 2.0 8.0\ng_bucket{le=\"+Inf\"} 2.0 8.0\n\
        g_gcount 2.0 8.0\ng_gsum 1.0 8.0\n\
        g_bucket{le=\"1.0\"} 1.0 9.0\ng_bucket{le=\"+Inf\"} 2.0 9.0\n\
        g_gcount 2.0 9.0\ng_gsum 4.0 9.0\n\
        # HELP s \n# TYPE s summary\n\
        s{quantile=\"0.5\"} 2.0\ns{quantile=\"0.9\"} 5.0\n\
        s_count 3.0\ns_sum 9.0\ns_created 1.0\n\
        # HELP other \n# TYPE other gauge\nother 1.0\n# EOF\n";
    assert_eq!(regrouped(text), text);
}

#[test]
fn what_was_not_told_is_added() {
    let text = "# TYPE h histogram\nh_count 3\n\
        # TYPE s summary\ns_sum{a=\"1\"} 9\ns{quantile=\"0.9\",a=\"1\"} 5\ns{quantile=\"0.5\",a=\"1\"} 2\n";
    let families = parser::text::parse_all(text).unwrap();
    let grouped: Vec<_> = families.iter().filter_map(|f| MetricFamily::grouped(f)).collect();
    assert_eq!(
        exposition::text::encode(&grouped).unwrap(),
        "# HELP h \n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3.0\nh_count 3.0\n\
         # HELP s \n# TYPE s summary\n\
         s{a=\"1\",quantile=\"0.5\"} 2.0\ns{a=\"1\",quantile=\"0.9\"} 5.0\n\
         s_count{a=\"1\"} 0.0\ns_sum{a=\"1\"} 9.0\n"
    );
}
