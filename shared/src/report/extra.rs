//! What a report carries that this build does not know: kept, so that it survives a round trip.

use smol_str::SmolStr;

/// Unknown fields of one object, in the order they came. Boxed because almost no object has any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extra(pub Option<Box<Vec<(SmolStr, Value)>>>);

impl Extra {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Keeps one more unknown field.
    pub fn push(&mut self, key: SmolStr, value: Value) {
        self.0.get_or_insert_default().push((key, value));
    }

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = &(SmolStr, Value)> {
        self.0.iter().flat_map(|fields| fields.iter())
    }
}

/// Any value of the wire.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(SmolStr),
    /// Msgpack raw bytes that are not UTF-8.
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(SmolStr, Value)>),
}
