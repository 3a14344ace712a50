//! What all candidates are given alike: label values, amounts, observations, bounds.

/// The bounds that most clients have by default: 11, without infinity.
pub const BOUNDS_11: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// From a millisecond to two minutes, each half as large again.
pub fn bounds_30() -> [f64; 30] {
    std::array::from_fn(|at| 0.001 * 1.5_f64.powi(at as i32))
}

/// A fraction whose sums are exact, so that a lost one is seen.
pub const FRACTION: f64 = 0.1875;

pub const LABELS: [&str; 3] = ["method", "path", "code"];

/// The label values of so many children, made while the program runs; 27 bytes or so each.
pub fn label_values(children: usize) -> Vec<[String; 3]> {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE"];
    let codes = ["200", "304", "404", "500"];
    let one = |n: usize| {
        let path = format!("/api/v1/items/{:05}", n / 20);
        [methods[n % 5].to_owned(), path, codes[n / 5 % 4].to_owned()]
    };
    (0..children).map(one).collect()
}

/// How many numbers come again and again: a power of two, so that the place is cheap to find.
pub const TURN: usize = 1 << 14;

/// Which child is next: any, in no order.
pub fn order(children: usize) -> Vec<u32> {
    random().take(TURN).map(|bits| (bits % children as u64) as u32).collect()
}

/// Observations as latencies are: as many between 1 and 2 ms as between 1 and 2 s. They
/// are multiples of 2⁻²⁰, so that their sums are exact.
pub fn observations() -> Vec<f64> {
    let one = |bits: u64| {
        let fraction = bits as f64 / (1_u64 << 48) as f64;
        let value = 0.001 * 20_000_f64.powf(fraction);
        (value * 1_048_576.0).round() / 1_048_576.0
    };
    random().take(TURN).map(one).collect()
}

/// 48 random bits at a time, the same in every run.
fn random() -> impl Iterator<Item = u64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::from_fn(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(state >> 16)
    })
}
