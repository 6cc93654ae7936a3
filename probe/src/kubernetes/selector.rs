//! Label selectors, and finding every selector that matches a set of labels without trying them all.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

type Labels = BTreeMap<String, String>;

/// A selector over labels. One without any condition matches nothing here: a Service without selector has no pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    equal: Labels,
    expressions: Vec<(String, Operator)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    /// An operator this build does not know: matches nothing, rather than too much.
    Unknown,
}

impl Selector {
    /// From a plain map, as Services have it.
    #[must_use]
    pub fn from_labels(labels: &Labels) -> Self {
        Self {
            equal: labels.clone(),
            expressions: Vec::new(),
        }
    }

    /// From a full selector.
    #[must_use]
    pub fn from_selector(selector: &LabelSelector) -> Self {
        let expressions = selector.match_expressions.iter().flatten().map(|requirement| {
            let values = requirement.values.clone().unwrap_or_default();
            let operator = match requirement.operator.as_str() {
                "In" => Operator::In(values),
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => Operator::Unknown,
            };
            (requirement.key.clone(), operator)
        });
        Self {
            equal: selector.match_labels.clone().unwrap_or_default(),
            expressions: expressions.collect(),
        }
    }

    /// Whether the labels satisfy every condition, of which there must be one at least.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        if self.equal.is_empty() && self.expressions.is_empty() {
            return false;
        }
        self.equal.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|(key, operator)| {
                let value = labels.get(key);
                match operator {
                    Operator::In(values) => value.is_some_and(|value| values.contains(value)),
                    Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                    Operator::Unknown => false,
                }
            })
    }
}

/// A selector and what it stands for.
type Owner<'a, T> = (&'a Selector, T);

/// Selectors by namespace and by one label each, so that a pod looks at the few that can match: 5,000 pods against 500 services would
/// otherwise be 2.5 million comparisons whenever anything changes.
#[derive(Debug)]
pub struct Index<'a, T> {
    /// By namespace, key and value of one label that the selector asks for.
    by_label: HashMap<(&'a str, &'a str, &'a str), Vec<Owner<'a, T>>>,
    /// Those that ask for no particular label, by namespace.
    others: HashMap<&'a str, Vec<Owner<'a, T>>>,
}

impl<'a, T: Copy> Index<'a, T> {
    /// From (namespace, selector, what it stands for).
    pub fn new(selectors: impl IntoIterator<Item = (&'a str, &'a Selector, T)>) -> Self {
        let mut index = Self {
            by_label: HashMap::new(),
            others: HashMap::new(),
        };
        for (namespace, selector, owner) in selectors {
            match selector.equal.iter().next() {
                Some((key, value)) => index.by_label.entry((namespace, key, value)).or_default().push((selector, owner)),
                None => index.others.entry(namespace).or_default().push((selector, owner)),
            }
        }
        index
    }

    /// What the selectors that match these labels in this namespace stand for.
    pub fn matching(&self, namespace: &str, labels: &Labels) -> Vec<T> {
        labels
            .iter()
            .filter_map(|(key, value)| self.by_label.get(&(namespace, key.as_str(), value.as_str())))
            .chain(self.others.get(namespace))
            .flatten()
            .filter(|(selector, _)| selector.matches(labels))
            .map(|(_, owner)| *owner)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Selector {
        Selector::from_selector(&LabelSelector {
            match_labels: None,
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: key.to_owned(),
                operator: operator.to_owned(),
                values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            }]),
        })
    }

    #[test]
    fn a_selector_without_conditions_matches_nothing() {
        assert!(!Selector::default().matches(&labels(&[("app", "web")])));
    }

    #[test]
    fn every_operator_does_what_kubernetes_says() {
        let web = labels(&[("app", "web")]);
        assert!(expression("app", "In", &["web", "api"]).matches(&web));
        assert!(!expression("app", "NotIn", &["web"]).matches(&web));
        assert!(
            expression("tier", "NotIn", &["x"]).matches(&web),
            "an absent label is not in any list"
        );
        assert!(expression("app", "Exists", &[]).matches(&web));
        assert!(!expression("app", "DoesNotExist", &[]).matches(&web));
        assert!(!expression("app", "Resembles", &["web"]).matches(&web));
    }

    #[test]
    fn the_index_finds_what_trying_them_all_finds() {
        let selectors: Vec<(String, Selector)> = (0..40)
            .map(|n| {
                let selector = match n % 4 {
                    0 => Selector::from_labels(&labels(&[("app", &format!("a{}", n % 5))])),
                    1 => Selector::from_labels(&labels(&[("app", &format!("a{}", n % 5)), ("tier", "x")])),
                    2 => expression("tier", "Exists", &[]),
                    _ => Selector::default(),
                };
                (format!("ns{}", n % 3), selector)
            })
            .collect();
        let index = Index::new(
            selectors
                .iter()
                .enumerate()
                .map(|(n, (namespace, selector))| (namespace.as_str(), selector, n)),
        );
        for n in 0..5 {
            for namespace in ["ns0", "ns1", "ns2"] {
                for pod in [
                    labels(&[("app", &format!("a{n}"))]),
                    labels(&[("app", &format!("a{n}")), ("tier", "x")]),
                ] {
                    let mut found = index.matching(namespace, &pod);
                    found.sort_unstable();
                    let all: Vec<usize> = (0..selectors.len())
                        .filter(|at| selectors[*at].0 == namespace && selectors[*at].1.matches(&pod))
                        .collect();
                    assert_eq!(found, all);
                }
            }
        }
    }
}
