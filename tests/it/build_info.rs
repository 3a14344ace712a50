//! Facts about the build and the platform.

use narthex::collectors::{BuildInfoCollector, PlatformCollector};
use narthex::{Collector, for_each_family};

/// The only sample: its name, labels and value.
fn sample(collector: &dyn Collector) -> (String, Vec<(String, String)>, f64) {
    let mut samples = Vec::new();
    for_each_family(collector, &mut |family| {
        family.for_each_sample(&mut |sample| {
            let labels = sample.labels().iter();
            let labels = labels.map(|(name, value)| (name.to_owned(), value.into_owned()));
            samples.push((sample.name(), labels.collect(), sample.value()));
        });
        Ok(())
    })
    .unwrap();
    assert_eq!(samples.len(), 1);
    samples.remove(0)
}

#[test]
fn build_info_tells_its_facts_sorted_by_name() {
    let build = BuildInfoCollector::new([("version", "1.4.0"), ("revision", "a\"b")]).unwrap();
    let (name, labels, value) = sample(&build);
    assert_eq!(name, "build_info");
    let expected = [("revision", "a\"b"), ("version", "1.4.0")];
    assert_eq!(labels, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(value, 1.0);
    assert_eq!(build.describe()[0].name(), "build");
}

#[test]
fn build_info_refuses_facts_that_clash() {
    let twice = BuildInfoCollector::new([("version", "1"), ("version", "2")]).unwrap_err();
    assert!(twice.is_duplicate(), "{twice}");
    let reserved = BuildInfoCollector::new([("__name__", "x")]).unwrap_err();
    assert!(reserved.is_invalid_label(), "{reserved}");
}

#[test]
fn the_platform_is_the_one_we_run_on() {
    let (name, labels, value) = sample(&PlatformCollector::new());
    assert_eq!((name.as_str(), value), ("platform_info", 1.0));
    let of = |wanted: &str| labels.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    assert_eq!(of("os") == "linux", cfg!(target_os = "linux"));
    assert_eq!(of("arch") == "x86_64", cfg!(target_arch = "x86_64"));
    assert_eq!(of("family") == "unix", cfg!(unix));
    assert_eq!(of("pointer_width") == "64", cfg!(target_pointer_width = "64"));
    assert_eq!(labels.len(), 4);
}
