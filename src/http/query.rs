//! The names that a scrape restricts itself to with `name[]`.

use std::borrow::Cow;

/// The values of `name[]` in a query, decoded, without the empty ones.
pub(super) fn names(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, value)| key == "name[]" && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_empty_ones_dropped() {
        let query = "name[]=a&name%5B%5D=b%5Fc&name[]=&name=d&collect[]=e&name[]";
        assert_eq!(names(query).collect::<Vec<_>>(), ["a", "b_c"]);
    }

    #[test]
    fn broken_percent_signs_stand_for_themselves() {
        assert_eq!(names("name[]=%zz%").collect::<Vec<_>>(), ["%zz%"]);
    }
}
