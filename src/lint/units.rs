//! The units that names are measured in, as promlint knows them.

/// Units, each with the base unit of its quantity.
const UNITS: &[(&str, &str)] = &[
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

/// What stands before a unit; `mibi` is promlint's own, meant for `mebi`.
const PREFIXES: &[&str] = &[
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega",
    "mebi", "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

/// Abbreviations, each with its base unit where it can mean only one.
const ABBREVIATIONS: &[(&str, Option<&str>)] = &[
    ("s", Some("seconds")),
    ("ms", Some("seconds")),
    ("us", Some("seconds")),
    ("ns", Some("seconds")),
    ("sec", Some("seconds")),
    ("b", Some("bytes")),
    ("kb", Some("bytes")),
    ("mb", Some("bytes")),
    ("gb", Some("bytes")),
    ("tb", Some("bytes")),
    ("pb", Some("bytes")),
    ("m", None),
    ("h", Some("seconds")),
    ("d", Some("seconds")),
];

/// The first unit that a name has between its underscores, and its base unit.
pub(super) fn unit_of(name: &str) -> Option<(&str, &'static str)> {
    name.split('_').find_map(|word| Some((word, base_of(word)?)))
}

/// The base unit of a word, if that is a unit, perhaps with a prefix.
fn base_of(word: &str) -> Option<&'static str> {
    let base = |word: &str| UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, base)| *base);
    let bare = |prefix: &&str| word.strip_prefix(*prefix).and_then(base);
    base(word).or_else(|| PREFIXES.iter().find_map(bare))
}

/// The abbreviations that a name has, not as its first word.
pub(super) fn abbreviations_of(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let words = lower.split('_').skip(1);
    let is_short = |word: &&str| ABBREVIATIONS.iter().any(|(short, _)| short == word);
    words.filter(is_short).map(str::to_owned).collect()
}

/// A name without its unit, and the base unit of that: what two names have in common that differ
/// only in how they measure one quantity.
pub(super) fn quantity_of(name: &str) -> Option<(String, &'static str)> {
    let (place, base) = name.split('_').enumerate().find_map(|(place, word)| {
        let short = || {
            let known = ABBREVIATIONS.iter().find(|(short, _)| place > 0 && *short == word);
            known.and_then(|(_, base)| *base)
        };
        Some((place, base_of(word).or_else(short)?))
    })?;
    let rest = name.split('_').enumerate().filter(|(at, _)| *at != place).map(|(_, word)| word);
    let base = if base == "metres" { "meters" } else { base };
    Some((rest.collect::<Vec<_>>().join("_"), base))
}
