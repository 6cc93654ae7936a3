//! Whether two short texts are the same, eight bytes at a time: ids, keys and values are compared by the ten thousand, and a call of
//! `memcmp` for each (in WebAssembly a loop over single bytes) takes longer than the comparison.

/// Whether two byte strings are the same.
#[inline]
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let differ = |(a, b): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b);
        // The last eight bytes overlap the ones before: no rest is left.
        return !differ((last_a, last_b)) && !a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).any(differ);
    }
    if let (Some(first_a), Some(first_b), Some(last_a), Some(last_b)) =
        (a.first_chunk::<4>(), b.first_chunk::<4>(), a.last_chunk::<4>(), b.last_chunk::<4>())
    {
        let of = |bytes: &[u8; 4]| u32::from_ne_bytes(*bytes);
        return (of(first_a) ^ of(first_b)) | (of(last_a) ^ of(last_b)) == 0;
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn every_byte_counts() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(same(&text, &text.clone()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!same(&text, &other), "{length} {at}");
                assert!(!same(&text, &text[..at]), "{length} {at}");
            }
        }
    }
}
