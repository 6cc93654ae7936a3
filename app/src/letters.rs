//! Lower case and capitals of names. Nearly every name is ASCII; what any other needs, tables of several kilobytes, waits with the rest of
//! the page (`app/web/split.mjs`), so whatever runs at a start asks here.

/// In lower case.
#[must_use]
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        lower_any(text)
    }
}

#[inline(never)]
fn lower_any(text: &str) -> String {
    text.to_lowercase()
}

/// In lower case, without anything that is neither letter nor digit.
#[must_use]
pub fn bare(text: &str) -> String {
    if text.is_ascii() {
        let kept = text.bytes().filter(u8::is_ascii_alphanumeric);
        kept.map(|letter| char::from(letter.to_ascii_lowercase())).collect()
    } else {
        bare_any(text)
    }
}

#[inline(never)]
fn bare_any(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// With a capital at its start.
#[must_use]
pub fn capitalised(text: &str) -> String {
    match text.as_bytes().first() {
        Some(first) if first.is_ascii() => {
            let mut text = text.to_owned();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text
        }
        _ => capitalised_any(text),
    }
}

#[inline(never)]
fn capitalised_any(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_change_case() {
        assert_eq!((lower("Web-01"), lower("ÄRGER Σ")), ("web-01".to_owned(), "ärger σ".to_owned()));
        assert_eq!(
            (bare("Host name_2"), bare("Größe (kB)")),
            ("hostname2".to_owned(), "größekb".to_owned())
        );
        let names = ["stopped", "éclair", "", "Σ"].map(capitalised);
        assert_eq!(names, ["Stopped", "Éclair", "", "Σ"].map(str::to_owned));
    }
}
