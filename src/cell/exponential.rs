//! Buckets whose bounds grow by a constant factor: where a value belongs, and where a bucket ends.
//!
//! At the resolution, or *schema*, `n`, the bucket `i` ends with 2^(i / 2^n), and begins behind
//! the end of the one before it. Every bound is one of the finest schema too. So a place among
//! those says where a value belongs in any other, by a shift.

/// The schemas there are, from the coarsest to the finest.
pub(crate) const COARSEST: i32 = -4;
pub(crate) const FINEST: i32 = 8;

/// How many bounds of the finest schema there are from one power of two to the next.
const BOUNDS: usize = 1 << FINEST;

/// The place of the greatest bucket that has finite values; of the next one, infinity.
const MAX: i32 = f64::MAX_EXP << FINEST;

const MANTISSA: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION: u64 = (1 << MANTISSA) - 1;

/// The sign in a [`raw_place`].
pub(super) const RAW_SIGN: u32 = 1 << (u64::BITS - 1 - MANTISSA + FINEST as u32);

/// Values with the same leading bits of their mantissas have a cell in common. Each is narrower
/// than any bucket, and so has at most one bound in it.
const CELLS: usize = 2 * BOUNDS;
const CELL: u32 = MANTISSA - CELLS.ilog2();

/// The bits of a number of bounds, below those of a mantissa.
const COUNT: u32 = u64::BITS - MANTISSA;

/// Of each cell the first bound that does not lie before it, and in the lower bits how many do.
static TABLE: [u64; CELLS] = {
    let mut table = [0; CELLS];
    let (mut cell, mut before) = (0, 0);
    while cell < CELLS {
        while before < BOUNDS && FRACTIONS[before] < (cell as u64) << CELL {
            before += 1;
        }
        // Behind the last of them, no value is greater than the next.
        let bound = if before < BOUNDS { FRACTIONS[before] } else { FRACTION };
        table[cell] = bound << COUNT | before as u64;
        cell += 1;
    }
    table
};

/// The [`raw_place`] of the value 1.
const ONE: i32 = (f64::MAX_EXP - 1) << FINEST;

/// The place of a value among buckets of the finest schema; its sign and NaN do not matter.
pub(crate) fn place(value: f64) -> i32 {
    if is_extreme(value) { place_of_extreme(value.abs()) } else { place_of_normal(value) }
}

/// Whether a value is zero, subnormal, infinite or NaN.
fn is_extreme(value: f64) -> bool {
    value.abs().to_bits().wrapping_sub(1 << MANTISSA) >= (2047 - 1) << MANTISSA
}

/// The [`place`] of any other value.
fn place_of_normal(value: f64) -> i32 {
    raw_place(value.abs()) as i32 - ONE
}

/// The place of any other value, counted from the least of them on; if it is negative, with
/// [`RAW_SIGN`] beside it. For values that are extreme it is one of others.
#[inline(always)]
pub(super) fn raw_place(value: f64) -> u32 {
    let bits = value.to_bits();
    let cell = TABLE[(bits >> CELL) as usize % CELLS];
    let exponent = (bits >> (MANTISSA - FINEST as u32)) as u32 & !(BOUNDS as u32 - 1);
    // The count below the bound does not matter, as a mantissa that is greater is so by one.
    let above = u32::from(bits << COUNT > cell);
    exponent + (cell as u32 & ((1 << COUNT) - 1)) + above
}

fn place_of_extreme(value: f64) -> i32 {
    if value == 0.0 {
        // Before all others.
        i32::MIN / 2
    } else if value < f64::MIN_POSITIVE {
        // Exact, and no longer subnormal.
        place_of_normal(value * (1_u64 << 60) as f64) - (60 << FINEST)
    } else {
        MAX + 1
    }
}

/// The bucket of a coarser schema that has the one of a place in it.
#[inline]
pub(crate) fn bucket(place: i32, schema: i32) -> i32 {
    // Rounded up.
    -(-place >> (FINEST - schema))
}

/// The coarsest schema whose buckets grow by no more than a factor above 1, or the finest one.
pub(crate) fn schema_of(factor: f64) -> i32 {
    let growth = |schema: &i32| 1 << (FINEST - schema);
    // What the next greater value is behind, this one is not before.
    let behind = place(f64::from_bits(factor.to_bits() + 1));
    (COARSEST..=FINEST).find(|schema| behind > growth(schema)).unwrap_or(FINEST)
}

/// The last place in a bucket of some schema.
pub(crate) fn last_place(bucket: i32, schema: i32) -> i32 {
    bucket << (FINEST - schema)
}

/// The greatest value of a place: what is not above this is not above the exact bound.
///
/// Infinite for the bucket of infinity, and zero for those below all values.
pub(crate) fn upper_bound(place: i32) -> f64 {
    if place >= MAX {
        return if place == MAX { f64::MAX } else { f64::INFINITY };
    }
    let exponent = place.div_euclid(BOUNDS as i32);
    let fraction = FRACTIONS[place.rem_euclid(BOUNDS as i32) as usize];
    if exponent >= f64::MIN_EXP - 1 {
        return f64::from_bits(((exponent - f64::MIN_EXP + 2) as u64) << MANTISSA | fraction);
    }
    let lost = (f64::MIN_EXP - 1).saturating_sub(exponent) as u32;
    f64::from_bits((fraction | 1 << MANTISSA).checked_shr(lost).unwrap_or(0))
}

/// The mantissas of 2^(i / 256), rounded towards zero, without their leading bit.
#[rustfmt::skip]
const FRACTIONS: [u64; BOUNDS] = [
    0x0000000000000, 0x00b1afa5abcbe, 0x0163da9fb3335, 0x02168143b0280, 0x02c9a3e778060,
    0x037d42e11bbcc, 0x04315e86e7f84, 0x04e5f72f654b1, 0x059b0d3158574, 0x0650a0e3c1f88,
    0x0706b29ddf6dd, 0x07bd42b72a836, 0x0874518759bc8, 0x092bdf66607df, 0x09e3ecac6f383,
    0x0a9c79b1f3919, 0x0b5586cf9890f, 0x0c0f145e46c85, 0x0cc922b7247f7, 0x0d83b23395deb,
    0x0e3ec32d3d1a2, 0x0efa55fdfa9c4, 0x0fb66affed31a, 0x1073028d7233e, 0x11301d0125b50,
    0x11edbab5e2ab5, 0x12abdc06c31cb, 0x136a814f204aa, 0x1429aaea92ddf, 0x14e95934f312d,
    0x15a98c8a58e51, 0x166a45471c3c2, 0x172b83c7d517a, 0x17ed48695bbc0, 0x18af9388c8de9,
    0x1972658375d2f, 0x1a35beb6fcb75, 0x1af99f8138a1c, 0x1bbe084045cd3, 0x1c82f95281c6b,
    0x1d4873168b9aa, 0x1e0e75eb44026, 0x1ed5022fcd91c, 0x1f9c18438ce4c, 0x2063b88628cd6,
    0x212be3578a819, 0x21f49917ddc96, 0x22bdda27912d1, 0x2387a6e756238, 0x2451ffb82140a,
    0x251ce4fb2a63f, 0x25e85711ece75, 0x26b4565e27cdd, 0x2780e341ddf29, 0x284dfe1f56380,
    0x291ba7591bb6f, 0x29e9df51fdee1, 0x2ab8a66d10f12, 0x2b87fd0dad98f, 0x2c57e39771b2e,
    0x2d285a6e4030b, 0x2df961f641589, 0x2ecafa93e2f56, 0x2f9d24abd886a, 0x306fe0a31b715,
    0x31432edeeb2fd, 0x32170fc4cd831, 0x32eb83ba8ea31, 0x33c08b26416ff, 0x3496266e3fa2c,
    0x356c55f929ff0, 0x36431a2de883a, 0x371a7373aa9ca, 0x37f26231e7549, 0x38cae6d05d865,
    0x39a401b7140ee, 0x3a7db34e59ff6, 0x3b57fbfec6cf4, 0x3c32dc313a8e4, 0x3d0e544ede173,
    0x3dea64c123422, 0x3ec70df1c5174, 0x3fa4504ac801b, 0x40822c367a024, 0x4160a21f72e29,
    0x423fb27094689, 0x431f5d950a896, 0x43ffa3f84b9d4, 0x44e086061892d, 0x45c2042a7d231,
    0x46a41ed1d0057, 0x4786d668b3236, 0x486a2b5c13cd0, 0x494e1e192aed1, 0x4a32af0d7d3de,
    0x4b17dea6db7d6, 0x4bfdad5362a27, 0x4ce41b817c114, 0x4dcb299fddd0d, 0x4eb2d81d8abfe,
    0x4f9b2769d2ca6, 0x508417f4531ee, 0x516daa2cf6641, 0x5257de83f4eee, 0x5342b569d4f81,
    0x542e2f4f6ad27, 0x551a4ca5d920e, 0x56070dde910d1, 0x56f4736b527da, 0x57e27dbe2c4ce,
    0x58d12d497c7fd, 0x59c0827ff07cb, 0x5ab07dd485429, 0x5ba11fba87a02, 0x5c9268a5946b7,
    0x5d84590998b92, 0x5e76f15ad2148, 0x5f6a320dceb70, 0x605e1b976dc08, 0x6152ae6cdf6f4,
    0x6247eb03a5584, 0x633dd1d1929fd, 0x6434634ccc31f, 0x652b9febc8fb6, 0x6623882552224,
    0x671c1c70833f5, 0x68155d44ca973, 0x690f4b19e9538, 0x6a09e667f3bcc, 0x6b052fa75173e,
    0x6c012750bdabe, 0x6cfdcddd47645, 0x6dfb23c651a2e, 0x6ef9298593ae4, 0x6ff7df9519483,
    0x70f7466f42e87, 0x71f75e8ec5f73, 0x72f8286ead089, 0x73f9a48a58173, 0x74fbd35d7cbfd,
    0x75feb564267c8, 0x77024b1ab6e09, 0x780694fde5d3f, 0x790b938ac1cf6, 0x7a11473eb0186,
    0x7b17b0976cfda, 0x7c1ed0130c132, 0x7d26a62ff86f0, 0x7e2f336cf4e62, 0x7f3878491c490,
    0x80427543e1a11, 0x814d2add106d9, 0x82589994cce12, 0x8364c1eb941f7, 0x8471a4623c7ac,
    0x857f4179f5b20, 0x868d99b4492ec, 0x879cad931a436, 0x88ac7d98a6699, 0x89bd0a478580f,
    0x8ace5422aa0db, 0x8be05bad61778, 0x8cf3216b5448b, 0x8e06a5e0866d8, 0x8f1ae99157736,
    0x902fed0282c8a, 0x9145b0b91ffc5, 0x925c353aa2fe1, 0x93737b0cdc5e4, 0x948b82b5f98e4,
    0x95a44cbc8520e, 0x96bdd9a7670b2, 0x97d829fde4e4f, 0x98f33e47a22a2, 0x9a0f170ca07b9,
    0x9b2bb4d53fe0c, 0x9c49182a3f090, 0x9d674194bb8d4, 0x9e86319e32323, 0x9fa5e8d07f29d,
    0xa0c667b5de564, 0xa1e7aed8eb8bb, 0xa309bec4a2d33, 0xa42c980460ad7, 0xa5503b23e255c,
    0xa674a8af46052, 0xa799e1330b358, 0xa8bfe53c12e58, 0xa9e6b5579fdbf, 0xab0e521356eba,
    0xac36bbfd3f379, 0xad5ff3a3c2774, 0xae89f995ad3ad, 0xafb4ce622f2fe, 0xb0e07298db665,
    0xb20ce6c9a8952, 0xb33a2b84f15fa, 0xb468415b749b0, 0xb59728de55939, 0xb6c6e29f1c52a,
    0xb7f76f2fb5e46, 0xb928cf22749e3, 0xba5b030a10649, 0xbb8e0b79a6f1e, 0xbcc1e904bc1d2,
    0xbdf69c3f3a206, 0xbf2c25bd71e08, 0xc06286141b33c, 0xc199bdd85529c, 0xc2d1cd9fa652b,
    0xc40ab5fffd07a, 0xc544778fafb22, 0xc67f12e57d14b, 0xc7ba88988c932, 0xc8f6d9406e7b5,
    0xca3405751c4da, 0xcb720dcef9069, 0xccb0f2e6d1674, 0xcdf0b555dc3f9, 0xcf3155b5bab73,
    0xd072d4a07897b, 0xd1b532b08c968, 0xd2f87080d89f1, 0xd43c8eacaa1d6, 0xd5818dcfba487,
    0xd6c76e862e6d3, 0xd80e316c98397, 0xd955d71ff6075, 0xda9e603db3285, 0xdbe7cd63a8314,
    0xdd321f301b460, 0xde7d5641c0657, 0xdfc97337b9b5e, 0xe11676b197d16, 0xe264614f5a128,
    0xe3b333b16ee11, 0xe502ee78b3ff6, 0xe653924676d75, 0xe7a51fbc74c83, 0xe8f7977cdb73f,
    0xea4afa2a490d9, 0xeb9f4867cca6e, 0xecf482d8e67f0, 0xee4aaa2188510, 0xefa1bee615a27,
    0xf0f9c1cb64129, 0xf252b376bba97, 0xf3ac948dd7273, 0xf50765b6e4540, 0xf6632798844f8,
    0xf7bfdad9cbe13, 0xf91d802243c88, 0xfa7c1819e90d8, 0xfbdba3692d513, 0xfd3c22b8f71f1,
    0xfe9d96b2a23d9,
];

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    /// A whole number of any size, the lowest digits first.
    type Big = Vec<u32>;

    fn square(big: &Big) -> Big {
        let mut product = vec![0_u32; 2 * big.len()];
        for (at, a) in big.iter().enumerate() {
            let mut carry = 0_u64;
            for (digit, b) in product[at..].iter_mut().zip(big.iter().chain([&0])) {
                carry += u64::from(*digit) + u64::from(*a) * u64::from(*b);
                *digit = carry as u32;
                carry >>= 32;
            }
        }
        product
    }

    /// A value to the power of 256, as a whole number and a power of two.
    fn power(value: f64) -> (Big, i32) {
        let bits = value.to_bits();
        let (exponent, fraction) = ((bits >> MANTISSA) as i32, bits & FRACTION);
        let (whole, exponent) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction | 1 << MANTISSA, exponent - 1075),
        };
        let whole = vec![whole as u32, (whole >> 32) as u32];
        let power = (0..FINEST).fold(whole, |power, _| square(&power));
        (power, exponent * BOUNDS as i32)
    }

    /// How it compares with a power of two: 2^(place / 256) to the power of 256.
    fn compare((whole, exponent): &(Big, i32), place: i32) -> Ordering {
        let digits = whole.iter().rposition(|digit| *digit > 0).unwrap();
        let highest = digits as u32 * 32 + whole[digits].ilog2();
        let is_more = whole.iter().map(|digit| digit.count_ones()).sum::<u32>() > 1;
        (highest as i32 + exponent).cmp(&place).then(is_more.cmp(&false))
    }

    #[test]
    fn bounds_are_exact() {
        for place in 0..BOUNDS as i32 {
            let bound = upper_bound(place);
            assert_ne!(compare(&power(bound), place), Ordering::Greater, "{place}");
            assert_eq!(compare(&power(bound.next_up()), place), Ordering::Greater, "{place}");
        }
    }

    /// A value lies within the bounds of its place, which are compared exactly.
    fn check(value: f64) {
        let (place, power) = (place(value), power(value));
        assert_ne!(compare(&power, place), Ordering::Greater, "{value:e}");
        assert_eq!(compare(&power, place - 1), Ordering::Greater, "{value:e}");
    }

    #[test]
    fn a_value_lies_within_the_exact_bounds_of_its_bucket() {
        let mut state = 1_u64;
        for _ in 0..200 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = f64::from_bits(state ^ state >> 29).abs();
            if value.is_finite() && value > 0.0 {
                check(value);
                // Among the few leading bits that tell cells apart, those next to a bound.
                check(f64::from_bits(value.to_bits() >> CELL << CELL));
            }
        }
        for value in [f64::MAX, f64::MAX.next_down(), f64::MIN_POSITIVE, 5e-324, 1e-323, 1.5e-323] {
            check(value);
            check(value.next_up().min(f64::MAX));
        }
        for fraction in FRACTIONS {
            for exponent in [1, 1023] {
                check(f64::from_bits(exponent << MANTISSA | fraction));
            }
        }
    }

    /// All bounds of all schemas, and the floats next to each.
    #[test]
    fn a_bound_is_the_last_value_of_its_bucket() {
        for schema in COARSEST..=FINEST {
            let first = bucket(place(5e-324), schema);
            let last = bucket(MAX, schema);
            for index in first..=last {
                let bound = upper_bound(last_place(index, schema));
                let find = |value: f64| bucket(place(value), schema);
                let next = bound.next_up();
                if bound > 0.0 {
                    // Among subnormals there are buckets without values.
                    assert!(find(bound) <= index, "{bound:e} of {schema}");
                    if bound >= f64::MIN_POSITIVE {
                        assert_eq!(find(bound), index, "{bound:e} of {schema}");
                        assert_eq!(find(bound.next_down()), index, "{bound:e} of {schema}");
                        assert_eq!(find(-bound), index, "{bound:e} of {schema}");
                    }
                }
                if bound >= f64::MIN_POSITIVE {
                    assert_eq!(find(next), index + 1, "{bound:e} of {schema}");
                } else {
                    assert!(find(next) > index, "{bound:e} of {schema}");
                }
            }
        }
    }

    #[test]
    fn the_last_buckets_are_those_of_the_greatest_value_and_of_infinity() {
        // 1024 powers of two, of 256 buckets each at schema 8.
        assert_eq!((place(f64::MAX), place(f64::INFINITY)), (262_144, 262_145));
        assert_eq!((upper_bound(262_144), upper_bound(262_145)), (f64::MAX, f64::INFINITY));
        for schema in COARSEST..=FINEST {
            let last = bucket(place(f64::MAX), schema);
            let expected = if schema < 0 { 1024 >> -schema } else { 1024 << schema };
            assert_eq!(last, expected);
            assert_eq!(bucket(place(f64::NEG_INFINITY), schema), last + 1);
            assert_eq!(upper_bound(last_place(last + 1, schema)), f64::INFINITY);
        }
    }

    /// The table of the specification's reference implementation.
    #[test]
    fn a_factor_has_the_schema_that_grows_by_no_more() {
        let factors = [
            (65536.0, -4),
            (256.0, -3),
            (16.0, -2),
            (4.0, -1),
            (2.0, 0),
            (1.5, 1),
            (1.2, 2),
            (1.1, 3),
            (1.05, 4),
            (1.03, 5),
            (1.02, 6),
            (1.01, 7),
            (1.005, 8),
        ];
        for (factor, schema) in factors {
            assert_eq!(schema_of(factor), schema, "{factor}");
        }
        assert_eq!([65535.0, 1.999, 1e300, 1.0_f64.next_up()].map(schema_of), [-3, 1, -4, 8]);
    }

    #[test]
    fn halving_the_resolution_puts_two_buckets_into_one() {
        // At schema 0, the bucket 2 is (2, 4]; at schema -1, the bucket 1 is (1, 4].
        let find = |value, schema| bucket(place(value), schema);
        assert_eq!([1.0, 2.0, 3.0, 4.0, 5.0].map(|value| find(value, 0)), [0, 1, 2, 2, 3]);
        assert_eq!([1.0, 2.0, 3.0, 4.0, 5.0].map(|value| find(value, -1)), [0, 1, 1, 1, 2]);
        assert_eq!([0.5, 0.25, 0.2].map(|value| find(value, -1)), [0, -1, -1]);
        assert_eq!([0.5, 0.25, 0.2].map(|value| find(value, 0)), [-1, -2, -2]);
    }
}
