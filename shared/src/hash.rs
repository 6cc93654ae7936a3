//! MurmurHash3 (x64, 128 bits, seed 0), which the original derives the ids of merged reports from.

/// The hash function.
pub(crate) struct Murmur3;

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

impl Murmur3 {
    /// The first 64 of the 128 bits.
    pub(crate) fn first_half(bytes: &[u8]) -> u64 {
        let (mut h1, mut h2) = (0_u64, 0_u64);
        let (blocks, tail) = bytes.as_chunks::<16>();
        for block in blocks {
            let block = u128::from_le_bytes(*block);
            h1 ^= mix_low(block as u64);
            h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
            h2 ^= mix_high((block >> 64) as u64);
            h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
        }
        let tail = tail.iter().rev().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
        // The halves of an absent tail are zero, and mixing zero gives zero.
        h2 ^= mix_high((tail >> 64) as u64);
        h1 ^= mix_low(tail as u64);
        let length = bytes.len() as u64;
        h1 ^= length;
        h2 ^= length;
        h1 = h1.wrapping_add(h2);
        h2 = h2.wrapping_add(h1);
        finish(h1).wrapping_add(finish(h2))
    }
}

fn mix_low(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_high(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finish(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}
