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

    /// From a query string without its `?`.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            options.any = true;
            let key = SmolStr::new(unescape(key));
            options.values.entry(key).or_insert_with(|| SmolStr::new(unescape(value)));
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

/// Query-unescapes: `+` is a blank, `%xx` a byte; what is malformed stays as it is.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
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
}
