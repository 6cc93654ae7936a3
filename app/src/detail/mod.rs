//! Everything about one node: children tables, connection tables, controls.
