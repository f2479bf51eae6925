//! Leaks on purpose. Memcheck must report each of them, in the same build.

use core::hint::black_box;

use crate::crypto::secret::Secret;
use crate::measure::{Conceal, Control, Output};

pub const CONTROLS: &[Control] = &[
    Control { name: "a comparison that ends at the first difference", run: early_end },
    Control { name: "a comparison of slices with ==", run: slices },
    Control { name: "a look-up in a table", run: table },
    Control { name: "a branch on a bit", run: branch },
    Control { name: "a loop as long as a secret says", run: length },
    Control { name: "a comparison that ends early, where a verdict is exempt", run: confirmation },
];

fn concealed(conceal: Conceal) -> [u8; 32] {
    let mut secret = [7; 32];
    conceal(&mut secret);
    secret
}

/// The optimiser would make one comparison of all 32 bytes, if it saw them.
fn early_end(conceal: Conceal) -> Output {
    let same =
        concealed(conceal).iter().zip([7; 32]).all(|(ours, theirs)| black_box(*ours) == theirs);
    Output::Verdict(vec![u8::from(same)])
}

fn slices(conceal: Conceal) -> Output {
    let secret = concealed(conceal);
    let same = secret.get(..black_box(31)) == black_box([7; 32]).get(..black_box(31));
    Output::Verdict(vec![u8::from(same)])
}

fn table(conceal: Conceal) -> Output {
    let squares: [u8; 256] =
        core::array::from_fn(|index| index.wrapping_mul(index).to_le_bytes()[0]);
    let squares = black_box(squares);
    let secret = concealed(conceal);
    Output::Verdict(secret.iter().map(|byte| squares[usize::from(*byte)]).collect())
}

fn branch(conceal: Conceal) -> Output {
    let [first, ..] = concealed(conceal);
    let mut taken = vec![0];
    if first & 1 == 1 {
        taken.push(black_box(1));
    }
    Output::Verdict(taken)
}

fn length(conceal: Conceal) -> Output {
    let [first, ..] = concealed(conceal);
    let mut passed = vec![];
    for _ in 0..first {
        passed.push(black_box(1));
    }
    Output::Verdict(passed)
}

fn confirmation(conceal: Conceal) -> Output {
    let secret = confirmed_secret(concealed(conceal), &[7; 32]);
    Output::Verdict(vec![u8::from(secret.is_some())])
}

/// It has the name of what `exemptions.supp` speaks of, and ends as that does.
fn confirmed_secret(expected: [u8; 32], given: &[u8; 32]) -> Option<Secret<32>> {
    for (ours, theirs) in expected.iter().zip(given) {
        if black_box(*ours) != *theirs {
            return None;
        }
    }
    black_box(true).then_some(Secret::filled_by(|out| *out = expected))
}
