//! How a case is measured, and what counts as clean.

use core::fmt;

use crate::memcheck;

/// Makes bytes secret, or leaves them public so that the true result is known.
pub type Conceal = fn(&mut [u8]);

/// Computes on bytes that it has concealed. What it gives back depends on its argument in nothing else.
pub type Run = fn(Conceal) -> Output;

/// What a case ends with.
pub enum Output {
    /// It must still be secret: a control that secrets went all the way through.
    StillSecret(Vec<u8>),
    /// What a check found: public by design. Whether memcheck takes it for secret depends on whether
    /// the compiler made a branch of it, which is exempt, or a selection.
    Verdict(Vec<u8>),
}

/// A computation that must be clean.
pub struct Case {
    pub name: &'static str,
    pub run: Run,
}

/// A computation that leaks on purpose: if memcheck is silent about it, its silence means nothing.
pub struct Control {
    pub name: &'static str,
    pub run: Run,
}

/// What is wrong with a measurement.
pub enum Fault {
    /// Memcheck reported so many branches or addresses that depend on secrets.
    Reported(usize),
    /// Memcheck did not report a leak.
    Unnoticed,
    /// The output is not secret, so it was not made of the secrets.
    Lost,
    /// The result on secrets is not that on the same bytes made public.
    Wrong,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported(1) => formatter.write_str("memcheck reported a leak"),
            Self::Reported(times) => write!(formatter, "memcheck reported leaks, {times} times"),
            Self::Unnoticed => formatter.write_str("memcheck did not notice the leak"),
            Self::Lost => formatter.write_str("the output is not secret"),
            Self::Wrong => formatter.write_str("the output is wrong"),
        }
    }
}

impl Case {
    pub fn measure(&self) -> Result<(), Fault> {
        match measure(self.run)? {
            0 => Ok(()),
            reported => Err(Fault::Reported(reported)),
        }
    }
}

impl Control {
    pub fn measure(&self) -> Result<(), Fault> {
        match measure(self.run)? {
            0 => Err(Fault::Unnoticed),
            _ => Ok(()),
        }
    }
}

/// Runs twice, on public and on secret bytes, and says how many errors the secrets brought about.
fn measure(run: Run) -> Result<usize, Fault> {
    let public = run(|_| ()).into_bytes();
    let before = memcheck::errors();
    let output = run(memcheck::conceal);
    let reported = memcheck::errors() - before;
    let lost = match &output {
        Output::StillSecret(bytes) => !memcheck::is_all_secret(bytes),
        Output::Verdict(_) => false,
    };
    let mut output = output.into_bytes();
    memcheck::reveal(&mut output);
    if lost {
        return Err(Fault::Lost);
    }
    if output != public {
        return Err(Fault::Wrong);
    }
    Ok(reported)
}

impl Output {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::StillSecret(bytes) | Self::Verdict(bytes) => bytes,
        }
    }
}
