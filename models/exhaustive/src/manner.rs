//! In what order the two sides of an exchange write and hear each other.

#[derive(Clone, Copy)]
pub enum Manner {
    /// Both send before they hear each other.
    AtOnce,
    /// This side sends and is heard, then the other.
    First(usize),
}

impl Manner {
    pub const ALL: [Self; 3] = [Self::AtOnce, Self::First(0), Self::First(1)];
}
