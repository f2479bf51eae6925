//! Runs a model to its end, and says what came out.

use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use stateright::{Checker, CheckerBuilder, Expectation, HasDiscoveries, Model};

/// A model that this program can run.
pub trait Tried: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync>
where
    Self: Send + Sync + 'static,
    Self::Action: Clone + Debug + PartialEq,
{
    /// What it measured on the way.
    fn remark(&self) -> String {
        String::new()
    }
}

/// Whether all that must hold does in every state, and all that must be possible is.
pub fn holds<Tree: Tried>(name: &str, make: impl Fn() -> Tree) -> bool
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let start = Instant::now();
    let checker = searched(make().checker());
    let discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let impossible: Vec<_> = properties
        .iter()
        .filter(|property| property.expectation == Expectation::Sometimes)
        .filter(|property| !discoveries.contains_key(property.name))
        .collect();
    let found = failures(&checker);
    let result = match (found.is_empty(), impossible.is_empty()) {
        (true, true) => "holds",
        (true, false) => "SAYS NOTHING",
        (false, _) => "FAILS",
    };
    line(name, &checker, start, &format!("{result}{}", checker.model().remark()));
    if found.is_empty() {
        impossible.iter().for_each(|property| println!("    never so: {}", property.name));
        return impossible.is_empty();
    }
    for (property, actions) in shortest(make) {
        println!("    not so: {property}");
        actions.iter().for_each(|action| println!("        {action:?}"));
    }
    false
}

/// Whether the flaw that was planted leads to a state in which something does not hold.
pub fn is_found<Tree: Tried>(name: &str, make: impl Fn() -> Tree) -> bool
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let start = Instant::now();
    let checker = searched(make().checker());
    if failures(&checker).is_empty() {
        line(name, &checker, start, "NOT FOUND");
        return false;
    }
    let found = shortest(make);
    let (property, actions) = found.first().expect("what is found once is found again");
    let result = format!("found in {} steps: not so that {property}", actions.len());
    line(name, &checker, start, &result);
    true
}

fn searched<Tree: Tried>(checker: CheckerBuilder<Tree>) -> impl Checker<Tree>
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    checker.threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join()
}

/// What fails, with the actions that lead there.
fn failures<Tree: Tried>(checker: &impl Checker<Tree>) -> Vec<(&'static str, Vec<Tree::Action>)>
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let properties = checker.model().properties().into_iter();
    let must_hold = properties.filter(|property| property.expectation.discovery_is_failure());
    must_hold
        .filter_map(|property| {
            let path = checker.discovery(property.name)?;
            Some((property.name, path.into_actions()))
        })
        .collect()
}

/// The search goes on for a while after it has found something, so it does not end with the shortest way.
fn shortest<Tree: Tried>(make: impl Fn() -> Tree) -> Vec<(&'static str, Vec<Tree::Action>)>
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let at_depth = |depth| failures(&searched(make().checker().target_max_depth(depth)));
    // A search to depth 1 visits nothing.
    (2..).map(at_depth).find(|found| !found.is_empty()).unwrap_or_default()
}

fn line<Tree: Tried>(name: &str, checker: &impl Checker<Tree>, start: Instant, result: &str)
where
    Tree::Action: Clone + Debug + PartialEq,
{
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let seconds = start.elapsed().as_secs_f32();
    println!("{name:<44} {states:>8} states {depth:>3} deep {seconds:>6.1} s  {result}");
}
