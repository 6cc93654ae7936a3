//! A tiny assembler for eBPF: the two dozen instructions that our program needs, with labels.
//!
//! Instructions are 64-bit words: operation (8 bits), destination and source register (4 each), offset (16), immediate value (32).

/// A register, `r0` to `r10`. `R10` is the frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// Width of a load or store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Size {
    /// Four bytes.
    Word = 0x00,
    /// Two bytes.
    Half = 0x08,
    /// One byte.
    Byte = 0x10,
    /// Eight bytes.
    Double = 0x18,
}

/// Kernel functions that are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs)]
pub enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    CurrentPidTgid = 14,
    CurrentComm = 16,
    ProbeReadKernel = 113,
    RingOutput = 130,
}

/// A place to jump to, made by [`Assembler::label`] and put somewhere by [`Assembler::place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Collects instructions.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    code: Vec<u64>,
    labels: Vec<Option<usize>>,
    jumps: Vec<(usize, Label)>,
}

const fn word(operation: u8, destination: Register, source: u8, offset: i16, immediate: i32) -> u64 {
    operation as u64
        | (destination as u64) << 8
        | (source as u64) << 12
        | (offset.cast_unsigned() as u64) << 16
        | (immediate.cast_unsigned() as u64) << 32
}

impl Assembler {
    fn push(&mut self, operation: u8, destination: Register, source: u8, offset: i16, immediate: i32) {
        self.code.push(word(operation, destination, source, offset, immediate));
    }

    /// A new label, not placed yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Puts the label before the next instruction.
    pub fn place(&mut self, label: Label) {
        let here = self.code.len();
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(here);
        }
    }

    /// `to = value`
    pub fn set(&mut self, to: Register, value: i32) {
        self.push(0xb7, to, 0, 0, value);
    }

    /// `to = from`
    pub fn copy(&mut self, to: Register, from: Register) {
        self.push(0xbf, to, from as u8, 0, 0);
    }

    /// `to += value`
    pub fn add(&mut self, to: Register, value: i32) {
        self.push(0x07, to, 0, 0, value);
    }

    /// `to >>= bits`
    pub fn shift_right(&mut self, to: Register, bits: i32) {
        self.push(0x77, to, 0, 0, bits);
    }

    /// `to = *(size *)(from + offset)`
    pub fn load(&mut self, size: Size, to: Register, from: Register, offset: i16) {
        self.push(0x61 | size as u8, to, from as u8, offset, 0);
    }

    /// `*(size *)(to + offset) = from`
    pub fn store(&mut self, size: Size, to: Register, offset: i16, from: Register) {
        self.push(0x63 | size as u8, to, from as u8, offset, 0);
    }

    /// `*(size *)(to + offset) = value`
    pub fn store_value(&mut self, size: Size, to: Register, offset: i16, value: i32) {
        self.push(0x62 | size as u8, to, 0, offset, value);
    }

    /// `*(u64 *)(to + offset) += from`, atomically
    pub fn atomic_add(&mut self, to: Register, offset: i16, from: Register) {
        self.push(0xdb, to, from as u8, offset, 0);
    }

    /// `to = map`, the map being given by its descriptor; two words.
    pub fn load_map(&mut self, to: Register, descriptor: i32) {
        self.push(0x18, to, 1, 0, descriptor);
        self.code.push(0);
    }

    /// `r0 = helper(r1, …)`
    pub fn call(&mut self, helper: Helper) {
        self.push(0x85, Register::R0, 0, 0, helper as i32);
    }

    /// Jumps if `left == value`.
    pub fn jump_if_equal(&mut self, left: Register, value: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x15, left, 0, 0, value);
    }

    /// Jumps if `left != value`.
    pub fn jump_if_not_equal(&mut self, left: Register, value: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x55, left, 0, 0, value);
    }

    /// Jumps.
    pub fn jump(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x05, Register::R0, 0, 0, 0);
    }

    /// Returns `r0`.
    pub fn exit(&mut self) {
        self.push(0x95, Register::R0, 0, 0, 0);
    }

    /// The finished program. A jump to a label that was never placed goes to the next instruction.
    #[must_use]
    pub fn finish(mut self) -> Vec<u64> {
        for (at, label) in &self.jumps {
            let target = self.labels.get(label.0).copied().flatten().unwrap_or(at + 1);
            let distance = i16::try_from(target as i64 - *at as i64 - 1).unwrap_or(0);
            if let Some(instruction) = self.code.get_mut(*at) {
                *instruction |= u64::from(distance.cast_unsigned()) << 16;
            }
        }
        self.code
    }
}
