//! Looking for a text in a text, whatever the case of its letters: what a search goes over thousands of fields with. It is in this crate
//! because the page compiles this one for speed and everything else for size.

/// Where `needle` first occurs in `text`, ASCII letters compared whatever their case. An empty needle occurs nowhere.
///
/// On a UTF-8 text the place is a character's first byte as long as the needle is UTF-8.
#[must_use]
pub fn find_ignoring_case(text: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let starts = text.get(..=text.len().checked_sub(needle.len())?)?;
    let mut from = 0;
    loop {
        let at = from + starts.get(from..)?.iter().position(|byte| *byte == lower || *byte == upper)?;
        if text.get(at + 1..at + needle.len())?.eq_ignore_ascii_case(rest) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::find_ignoring_case;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_what_lower_casing_both_finds(text in "[a-cA-Cé ]{0,12}", needle in "[a-cA-C é]{1,4}") {
            let found = find_ignoring_case(text.as_bytes(), needle.as_bytes());
            prop_assert_eq!(found, text.to_ascii_lowercase().find(&needle.to_ascii_lowercase()));
        }
    }

    #[test]
    fn nothing_is_found_nowhere() {
        assert_eq!(find_ignoring_case(b"a", b""), None);
        assert_eq!(find_ignoring_case(b"", b"a"), None);
    }
}
