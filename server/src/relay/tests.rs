//! The relay's promises, without sockets or clocks.
