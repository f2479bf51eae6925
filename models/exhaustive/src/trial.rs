//! Runs a model to its end, and says what came out.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use stateright::{Checker, CheckerBuilder, Expectation, HasDiscoveries, Model};

/// A model that this program can run.
pub trait Tried:
    Model<State: Clone + Debug + Hash + PartialEq + Send + Sync, Action: Clone + Debug + PartialEq>
    + Send
    + Sync
    + 'static
{
    /// What it measured on the way.
    fn remark(&self) -> String {
        String::new()
    }
}

/// Whether all that must hold does in every state, and all that must be possible is.
pub fn holds<Tree: Tried>(name: &str, make: impl Fn() -> Tree) -> bool {
    let start = Instant::now();
    let checker = searched(make().checker(), &HasDiscoveries::AnyFailures);
    let discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let impossible = properties
        .iter()
        .filter(|property| property.expectation == Expectation::Sometimes)
        .filter(|property| !discoveries.contains_key(property.name))
        .map(|property| property.name);
    let impossible: Vec<_> = impossible.collect();
    let found = failures(&checker);
    let result = match (found.is_empty(), impossible.is_empty()) {
        (true, true) => "holds",
        (true, false) => "SAYS NOTHING",
        (false, _) => "FAILS",
    };
    let mut lines =
        vec![line(name, &checker, start, &format!("{result}{}", checker.model().remark()))];
    if found.is_empty() {
        lines.extend(impossible.iter().map(|name| format!("    never so: {name}")));
    } else {
        for (property, actions) in failures(&shortest(&make, &HasDiscoveries::AnyFailures)) {
            lines.push(format!("    not so: {property}"));
            lines.extend(actions.iter().map(|action| format!("        {action:?}")));
        }
    }
    // At once: others run at the same time.
    println!("{}", lines.join("\n"));
    found.is_empty() && impossible.is_empty()
}

/// Whether the flaw that was planted leads to a state in which this property does not hold.
pub fn is_found<Tree: Tried>(name: &str, broken: &'static str, make: impl Fn() -> Tree) -> bool {
    let start = Instant::now();
    let checker = shortest(&make, &HasDiscoveries::AnyOf([broken].into()));
    let found = failures(&checker).into_iter().find(|(property, _)| *property == broken);
    let result = match &found {
        Some((_, actions)) => format!("found in {} steps: not so that {broken}", actions.len()),
        None => "NOT FOUND".to_owned(),
    };
    println!("{}", line(name, &checker, start, &result));
    found.is_some()
}

fn searched<Tree: Tried>(
    checker: CheckerBuilder<Tree>,
    enough: &HasDiscoveries,
) -> impl Checker<Tree> + use<Tree> {
    checker.finish_when(enough.clone()).spawn_bfs().join()
}

/// What fails, with the actions that lead there.
fn failures<Tree: Tried>(checker: &impl Checker<Tree>) -> Vec<(&'static str, Vec<Tree::Action>)> {
    let properties = checker.model().properties().into_iter();
    let must_hold = properties.filter(|property| property.expectation.discovery_is_failure());
    must_hold
        .filter_map(|property| {
            let path = checker.discovery(property.name)?;
            Some((property.name, path.into_actions()))
        })
        .collect()
}

/// Searches a step deeper each time until it finds what is wanted: else the search goes on for a while after it has
/// found something, and does not end with the shortest way.
fn shortest<Tree: Tried, Make: Fn() -> Tree>(
    make: &Make,
    wanted: &HasDiscoveries,
) -> impl Checker<Tree> + use<Tree, Make> {
    let mut states = 0;
    // A search to depth 1 visits nothing.
    for depth in 2.. {
        let checker = searched(make().checker().target_max_depth(depth), wanted);
        let properties = checker.model().properties();
        let names = failures(&checker).iter().map(|(name, _)| *name).collect();
        let is_whole = checker.unique_state_count() == states;
        if wanted.matches(&names, &properties) || is_whole {
            return checker;
        }
        states = checker.unique_state_count();
    }
    unreachable!("a model has finitely many states")
}

fn line<Tree: Tried>(
    name: &str,
    checker: &impl Checker<Tree>,
    start: Instant,
    result: &str,
) -> String {
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let seconds = start.elapsed().as_secs_f32();
    format!("{name:<44} {states:>8} states {depth:>3} deep {seconds:>6.1} s  {result}")
}
