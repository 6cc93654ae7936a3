//! What an encoder offers: the one vocabulary in which report structures are written, whatever the encoding.

use crate::report::Value;
use crate::time::Timestamp;

/// Writes values one after the other. The caller announces how many entries a map or array will have, and keeps its word.
pub(super) trait Writer {
    /// Starts a map of `entries` keys and values.
    fn map(&mut self, entries: usize);
    /// The next key of the map.
    fn key(&mut self, key: &str);
    /// Ends the map.
    fn end_map(&mut self);
    /// Starts an array.
    fn array(&mut self, items: usize);
    /// Goes to the next item of the array.
    fn item(&mut self);
    /// Ends the array.
    fn end_array(&mut self);
    /// A string.
    fn string(&mut self, text: &str);
    /// Bytes that are not UTF-8.
    fn bytes(&mut self, bytes: &[u8]);
    /// A time.
    fn time(&mut self, time: Timestamp);
    /// A signed integer.
    fn int(&mut self, value: i64);
    /// An unsigned integer.
    fn uint(&mut self, value: u64);
    /// A float.
    fn float(&mut self, value: f64);
    /// True or false.
    fn boolean(&mut self, value: bool);
    /// `null`.
    fn null(&mut self);

    /// Any value.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Nil => self.null(),
            Value::Bool(value) => self.boolean(*value),
            Value::Int(value) => self.int(*value),
            Value::Uint(value) => self.uint(*value),
            Value::Float(value) => self.float(*value),
            Value::String(text) => self.string(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Array(items) => {
                self.array(items.len());
                for item in items {
                    self.item();
                    self.value(item);
                }
                self.end_array();
            }
            Value::Map(entries) => {
                self.map(entries.len());
                for (key, value) in entries {
                    self.key(key);
                    self.value(value);
                }
                self.end_map();
            }
        }
    }
}
