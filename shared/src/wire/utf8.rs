//! UTF-8, piece by piece: a character may be split between two pieces.

/// Validates a text that arrives in pieces.
#[derive(Default)]
pub(super) struct Utf8 {
    /// The beginning of a character whose rest has not come yet.
    pending: [u8; 4],
    count: usize,
}

impl Utf8 {
    /// Takes the next piece; false if the text cannot be UTF-8.
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> bool {
        while self.count > 0 {
            let Some((byte, rest)) = piece.split_first() else { return true };
            let Some(slot) = self.pending.get_mut(self.count) else {
                return false;
            };
            *slot = *byte;
            self.count += 1;
            piece = rest;
            match std::str::from_utf8(self.pending.get(..self.count).unwrap_or_default()) {
                Ok(_) => self.count = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(piece) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let tail = piece.get(error.valid_up_to()..).unwrap_or_default();
                self.count = tail.len();
                self.pending.iter_mut().zip(tail).for_each(|(slot, byte)| *slot = *byte);
                true
            }
        }
    }

    /// Whether no character is half read.
    pub(super) fn is_complete(&self) -> bool {
        self.count == 0
    }
}
