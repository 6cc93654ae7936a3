//! The options of a request: what the query string of Scope's read API says.
//!
//! Scope's oddest rule lives here: with *no* parameter at all no filter applies, not even the defaults; with any parameter, known or not,
//! every option that is not given takes its default.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smol_str::SmolStr;

/// The parameters of a request, decoded. Of a repeated parameter the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Options {
    values: BTreeMap<SmolStr, SmolStr>,
    any: bool,
}

impl Options {
    /// No parameter at all: no filters.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every option at its default, as the page starts.
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            values: BTreeMap::new(),
            any: true,
        }
    }

    /// From a query string without its `?`. Pairs that are malformed (half an escape, or a bare semicolon) are as if they were not there.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (unescape(key), unescape(value)) {
                options.any = true;
                options.values.entry(SmolStr::new(key)).or_insert_with(|| SmolStr::new(value));
            }
        }
        options
    }

    /// With one parameter set.
    #[must_use]
    pub fn with(mut self, key: impl Into<SmolStr>, value: impl Into<SmolStr>) -> Self {
        self.values.insert(key.into(), value.into());
        self.any = true;
        self
    }

    /// Whether any parameter is there.
    #[must_use]
    pub fn any(&self) -> bool {
        self.any
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(SmolStr::as_str)
    }

    /// Whether command-line arguments are to be left out.
    #[must_use]
    pub fn hides_arguments(&self) -> bool {
        self.get("hideCommandLineArguments") == Some("true")
    }

    /// Whether environment variables are to be left out.
    #[must_use]
    pub fn hides_environment(&self) -> bool {
        self.get("hideEnvironmentVariables") == Some("true")
    }
}

/// Query-unescapes: `+` is a blank, `%xx` a byte. `None` where a `%` is not followed by two hexadecimal digits.
#[must_use]
pub fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['+', '%']) {
        return Some(Cow::Borrowed(text));
    }
    let whole = |escape: &str| escape.len() >= 2 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(whole) {
        return None;
    }
    let spaced = text.replace('+', " ");
    Some(Cow::Owned(
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn no_parameter_differs_from_any_parameter() {
        assert!(!Options::from_query("").any());
        assert!(Options::from_query("x").any());
        assert!(Options::from_query("t=1s").any());
    }

    #[test]
    fn values_are_unescaped_and_the_first_counts() {
        let options = Options::from_query("namespace=a%2Cb+c&namespace=z&system=");
        assert_eq!(options.get("namespace"), Some("a,b c"));
        assert_eq!(options.get("system"), Some(""));
        assert_eq!(options.get("stopped"), None);
    }

    #[test]
    fn what_is_malformed_is_no_parameter() {
        for query in ["%zz=1", "x=%", "x=%4", "a=b;c=d", "&&"] {
            assert!(!Options::from_query(query).any(), "{query}");
        }
        let options = Options::from_query("x=%zz&system=all");
        assert_eq!((options.get("x"), options.get("system")), (None, Some("all")));
        assert!(Options::from_query("=").any());
    }
}
