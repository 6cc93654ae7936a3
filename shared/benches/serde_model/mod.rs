//! The report as serde reads it into owned structures: what the hand-written reader is compared with.
#![allow(dead_code, clippy::disallowed_methods)]

use std::collections::BTreeMap;

use scope_shared::frame::Encoding;
use serde::{Deserialize, Deserializer};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Report {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "Window")]
    pub window: i64,
    #[serde(rename = "Endpoint")]
    pub endpoint: Topology,
    #[serde(rename = "Process")]
    pub process: Topology,
    #[serde(rename = "Container")]
    pub container: Topology,
    #[serde(rename = "ContainerImage")]
    pub container_image: Topology,
    #[serde(rename = "Host")]
    pub host: Topology,
    #[serde(rename = "Pod")]
    pub pod: Topology,
    #[serde(rename = "Service")]
    pub service: Topology,
    #[serde(rename = "Deployment")]
    pub deployment: Topology,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Topology {
    pub shape: String,
    pub label: String,
    pub label_plural: String,
    pub nodes: BTreeMap<String, Node>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub id: String,
    pub topology: String,
    #[serde(deserialize_with = "null")]
    pub sets: BTreeMap<String, Option<Vec<String>>>,
    #[serde(deserialize_with = "null")]
    pub adjacency: Vec<String>,
    #[serde(deserialize_with = "null")]
    pub latest: BTreeMap<String, Latest>,
    #[serde(deserialize_with = "null")]
    pub metrics: BTreeMap<String, Metric>,
    #[serde(deserialize_with = "null")]
    pub parents: BTreeMap<String, Option<Vec<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Latest {
    pub timestamp: Time,
    pub value: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Metric {
    #[serde(deserialize_with = "null")]
    pub samples: Vec<Sample>,
    pub min: f64,
    pub max: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Sample {
    pub date: Time,
    pub value: f64,
}

/// A time's bytes or text; turning it into an instant would only make this slower.
#[derive(Default)]
pub struct Time(pub [u8; 15]);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Time;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a time")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                self.visit_bytes(text.as_bytes())
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Time, E> {
                let mut time = Time::default();
                time.0.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
                Ok(time)
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

fn null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a report with serde; `None` if it cannot.
pub fn decode(bytes: &[u8], encoding: Encoding) -> Option<Report> {
    match encoding {
        Encoding::Msgpack => rmp_serde::from_slice(bytes).ok(),
        Encoding::Json => serde_json::from_slice(bytes).ok(),
    }
}
