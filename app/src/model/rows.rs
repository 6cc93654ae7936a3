//! Rows of a node. What such a row has in common with the same row of ten thousand other nodes (name, unit, place) is its template, shared.

use std::borrow::Cow;
use std::sync::Arc;

use scope_shared::report::{MetadataTemplate, MetricTemplate};
use serde::{Deserialize, Serialize, Serializer};
use smol_str::SmolStr;

use super::{is_false, is_zero_int};

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// One row of information.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "MetadataFields<'_>")]
pub struct MetadataRow {
    /// Key, label, kind of value, and place among the rows.
    pub template: Arc<MetadataTemplate>,
    /// Value, always text.
    pub value: SmolStr,
}

/// One metric.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "MetricFields<'_>")]
pub struct MetricRow {
    /// Key, label, unit, chart, and place among the rows.
    pub template: Arc<MetricTemplate>,
    /// Last sample, cut (not rounded) to two decimals.
    pub value: f64,
    /// There is no value, only a link.
    pub value_empty: bool,
    /// All samples, oldest first; only in details, else `None`.
    pub samples: Option<Vec<MetricSample>>,
    /// Smallest sample.
    pub min: f64,
    /// Largest sample or capacity.
    pub max: f64,
    /// Link to a graph elsewhere.
    pub url: SmolStr,
}

/// One sample: an RFC 3339 date and a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricSample {
    /// RFC 3339.
    pub date: SmolStr,
    /// Value in the metric's unit.
    pub value: f64,
}

/// Rows made since the templates last changed share them, so most need no second look.
fn same<T: PartialEq>(a: &Arc<T>, b: &Arc<T>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl PartialEq for MetadataRow {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && same(&self.template, &other.template)
    }
}

impl PartialEq for MetricRow {
    fn eq(&self, other: &Self) -> bool {
        (self.value, self.value_empty, self.min, self.max) == (other.value, other.value_empty, other.min, other.max)
            && self.samples == other.samples
            && self.url == other.url
            && same(&self.template, &other.template)
    }
}

/// A row of information as the read API has it: its template's fields beside its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MetadataFields<'a> {
    id: Cow<'a, SmolStr>,
    label: Cow<'a, SmolStr>,
    value: Cow<'a, SmolStr>,
    #[serde(skip_serializing_if = "is_zero")]
    priority: f64,
    #[serde(rename = "dataType", skip_serializing_if = "is_empty")]
    data_type: Cow<'a, SmolStr>,
    #[serde(skip_serializing_if = "is_zero_int")]
    truncate: i64,
}

/// A metric as the read API has it: its template's fields beside its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MetricFields<'a> {
    id: Cow<'a, SmolStr>,
    label: Cow<'a, SmolStr>,
    #[serde(skip_serializing_if = "is_empty")]
    format: Cow<'a, SmolStr>,
    #[serde(skip_serializing_if = "is_empty")]
    group: Cow<'a, SmolStr>,
    value: f64,
    #[serde(rename = "valueEmpty", skip_serializing_if = "is_false")]
    value_empty: bool,
    #[serde(skip_serializing_if = "is_zero")]
    priority: f64,
    samples: Cow<'a, Option<Vec<MetricSample>>>,
    min: f64,
    max: f64,
    url: Cow<'a, SmolStr>,
}

fn is_empty(text: &SmolStr) -> bool {
    text.is_empty()
}

impl Serialize for MetadataRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let template = &*self.template;
        let fields = MetadataFields {
            id: Cow::Borrowed(&template.id),
            label: Cow::Borrowed(&template.label),
            value: Cow::Borrowed(&self.value),
            priority: template.priority,
            data_type: Cow::Borrowed(&template.data_type),
            truncate: template.truncate,
        };
        fields.serialize(serializer)
    }
}

impl From<MetadataFields<'_>> for MetadataRow {
    fn from(fields: MetadataFields<'_>) -> Self {
        let template = MetadataTemplate {
            id: fields.id.into_owned(),
            label: fields.label.into_owned(),
            truncate: fields.truncate,
            data_type: fields.data_type.into_owned(),
            priority: fields.priority,
            from: SmolStr::default(),
        };
        Self {
            template: Arc::new(template),
            value: fields.value.into_owned(),
        }
    }
}

impl Serialize for MetricRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let template = &*self.template;
        let fields = MetricFields {
            id: Cow::Borrowed(&template.id),
            label: Cow::Borrowed(&template.label),
            format: Cow::Borrowed(&template.format),
            group: Cow::Borrowed(&template.group),
            value: self.value,
            value_empty: self.value_empty,
            priority: template.priority,
            samples: Cow::Borrowed(&self.samples),
            min: self.min,
            max: self.max,
            url: Cow::Borrowed(&self.url),
        };
        fields.serialize(serializer)
    }
}

impl From<MetricFields<'_>> for MetricRow {
    fn from(fields: MetricFields<'_>) -> Self {
        let template = MetricTemplate {
            id: fields.id.into_owned(),
            label: fields.label.into_owned(),
            format: fields.format.into_owned(),
            group: fields.group.into_owned(),
            priority: fields.priority,
        };
        Self {
            template: Arc::new(template),
            value: fields.value,
            value_empty: fields.value_empty,
            samples: fields.samples.into_owned(),
            min: fields.min,
            max: fields.max,
            url: fields.url.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MetadataRow, MetricRow};

    #[test]
    fn rows_are_flat_in_json_and_come_back_from_it() {
        let metadata = r#"{"id":"pid","label":"PID","value":"7","priority":1.0,"dataType":"number","truncate":3}"#;
        let row: MetadataRow = serde_json::from_str(metadata).unwrap();
        assert_eq!(
            (row.template.label.as_str(), row.value.as_str(), row.template.truncate),
            ("PID", "7", 3)
        );
        assert_eq!(serde_json::to_string(&row).unwrap(), metadata);
        let metric = concat!(
            r#"{"id":"cpu","label":"CPU","format":"percent","group":"g","value":1.5,"valueEmpty":true,"priority":2.0,"#,
            r#""samples":[{"date":"2020-01-01T00:00:00Z","value":1.5}],"min":0.0,"max":100.0,"url":"u"}"#
        );
        let row: MetricRow = serde_json::from_str(metric).unwrap();
        assert_eq!(
            (row.template.format.as_str(), row.samples.as_ref().map(Vec::len)),
            ("percent", Some(1))
        );
        assert_eq!(serde_json::to_string(&row).unwrap(), metric);
        // What is empty is left out, but for names, values and links.
        assert_eq!(
            serde_json::to_string(&MetadataRow::default()).unwrap(),
            r#"{"id":"","label":"","value":""}"#
        );
        assert_eq!(
            serde_json::to_string(&MetricRow::default()).unwrap(),
            r#"{"id":"","label":"","value":0.0,"samples":null,"min":0.0,"max":0.0,"url":""}"#
        );
    }
}
