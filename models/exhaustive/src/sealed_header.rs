//! What tells two messages of one number apart from a repeat.

/// The sealed header of a message: what stands before it depends on the kind (docs/protocol.md §6.1).
pub fn sealed_header(message: &[u8]) -> &[u8] {
    let start = match message {
        [0x11, suite, _, _, _, _, one_time, ..] => {
            184 + 4 * usize::from(*one_time) + 1_568 * usize::from(suite - 1)
        }
        _ => 1,
    };
    &message[start..start + 56]
}

/// The same of a message to a group (docs/protocol.md §18.4).
pub fn sealed_group_header(message: &[u8]) -> &[u8] {
    &message[1..42]
}
