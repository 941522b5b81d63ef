//! The world: an ECS that keeps the answer to each client token, and what its clusters have room for.

use std::collections::{BTreeMap, HashMap};
use std::sync::RwLock;

use start_engines_core::request::Trigger;

use super::functions::{Asked, Heard, Key, Next};

pub(super) const WANTED: u8 = 2;
/// Ages at which the event is handled: at once, and at Lambda's two retries.
pub(super) const AGES: [i64; 3] = [0, 61_000, 182_000];

pub(super) struct Starts {
    /// The readings of the event: after a change of the catalog, a delivery may have either.
    pub(super) triggers: Vec<Trigger>,
    pub(super) placements: u8,
    /// How many of the ages there are.
    pub(super) ages: usize,
    pub(super) faults: u8,
    pub(super) deliveries: u8,
    /// Functions at a time.
    pub(super) functions: usize,
    pub(super) mutant: Option<Mutant>,
    /// What the crate's own decide does next, by what a handler is and has heard.
    pub(super) known: RwLock<HashMap<Key, Next>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// One token for all calls.
    OneToken,
    /// A new token after an exception: each placement has its own.
    NewTokenAfterException,
    /// An exception ends the walk, whatever its text says.
    ExceptionEndsTheWalk,
    /// A conflict without tasks counts as an answer that is kept, and has none.
    ConflictUsesUpTheToken,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// What ECS keeps under each token: whose call, and its original answer.
    pub(super) tokens: BTreeMap<(usize, u8), (Asked, Heard)>,
    pub(super) running: Vec<Handler>,
    /// A call that was given up, and is still on its way.
    pub(super) late: Option<Asked>,
    /// How often the event was delivered at each age.
    pub(super) delivered: [u8; AGES.len()],
    pub(super) tasks: u8,
    pub(super) deliveries: u8,
    pub(super) faults: u8,
    /// A handler said that all is well: how many tasks it named.
    pub(super) succeeded: Option<usize>,
    /// A retry found no capacity without a single attempt that was not a replay.
    pub(super) stuck: bool,
    /// A walk ended at what another placement may have cured, and did not ask there.
    pub(super) gave_up: bool,
    /// How many tasks there were when the outcome event said that no retry can help.
    pub(super) reported_hopeless: Option<u8>,
    /// Tasks of one placement were found by a call for another.
    pub(super) met_by_conflict: bool,
    /// An exception was followed by a success at another placement.
    pub(super) cured: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Handler {
    /// Which of the ages the event has.
    pub(super) age: usize,
    /// Which reading of the event it has.
    pub(super) trigger: usize,
    /// Stands for the journal: with these answers, decide asks the same calls again.
    pub(super) heard: Vec<Heard>,
    /// It made a call that ECS did not answer from memory.
    pub(super) tried_anew: bool,
    /// A bit for each placement where it has asked.
    pub(super) asked: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Deliver {
        age: usize,
        trigger: usize,
    },
    /// This function's next call, and what ECS has for it if it does not answer from memory.
    Call {
        function: usize,
        room: Room,
        fault: Fault,
    },
    /// The call that is on its way lands.
    Land {
        room: Room,
    },
}

/// What a placement has, right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Capacity for so many tasks.
    For(u8),
    /// Instances, but none that could ever do.
    Elsewhere,
    /// No instances at all.
    NoInstances,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    Throttled,
    /// Applied, and nobody hears of it: the process dies, or the answer is lost.
    Crash,
    Lost,
    /// Given up, and applied some time later, even after the event has come again.
    Late,
    /// ECS is busy with another request that has this token.
    Busy,
}

impl Starts {
    /// What ECS answers, and does.
    pub(super) fn run_task(&self, state: &mut State, asked: Asked, room: Room) -> Heard {
        let token = match self.mutant {
            Some(Mutant::OneToken) => (0, 0),
            Some(Mutant::NewTokenAfterException) => (asked.token, asked.placement),
            None | Some(Mutant::ExceptionEndsTheWalk | Mutant::ConflictUsesUpTheToken) => (asked.token, 0),
        };
        if let Some((original, answer)) = state.tokens.get(&token) {
            if *original == asked || self.mutant == Some(Mutant::OneToken) {
                return answer.clone();
            }
            let Heard::Started(tasks, _) = answer else {
                panic!("an exception is kept")
            };
            state.met_by_conflict |= !tasks.is_empty();
            return match self.mutant {
                Some(Mutant::ConflictUsesUpTheToken) if tasks.is_empty() => Heard::NONE,
                _ => Heard::Conflict(tasks.clone()),
            };
        }
        let capacity = match (room, self.mutant) {
            (Room::For(capacity), _) => capacity,
            (Room::Elsewhere, _) => 0,
            (Room::NoInstances, Some(Mutant::ExceptionEndsTheWalk)) => return Heard::Refused,
            (Room::NoInstances, _) => return Heard::NoInstances,
        };
        let count = capacity.min(asked.count);
        let short = (count < asked.count).then_some(room != Room::Elsewhere);
        let answer = Heard::Started((state.tasks..state.tasks + count).collect(), short);
        state.tasks += count;
        state.tokens.insert(token, (asked, answer.clone()));
        answer
    }

    /// What the end of a handler shows of the promises.
    pub(super) fn note_end(&self, state: &mut State, handler: &Handler, end: &Next) {
        match *end {
            Next::Call(_) => {}
            Next::Success(named) => {
                state.cured |= handler.heard.contains(&Heard::NoInstances);
                state.succeeded = Some(named);
            }
            Next::Failure { category, transient } => {
                // Another delivery at this age or a later one may have used up the tokens.
                let is_alone = state.delivered[handler.age..].iter().sum::<u8>() == 1;
                state.stuck |= category == "capacity_unavailable" && is_alone && !handler.tried_anew;
                let is_curable = matches!(
                    handler.heard.last(),
                    Some(Heard::Started(_, Some(false)) | Heard::NoInstances | Heard::Refused)
                );
                state.gave_up |= is_curable && handler.asked.count_ones() < u32::from(self.placements);
                if !transient {
                    state.reported_hopeless.get_or_insert(state.tasks);
                }
            }
        }
    }
}
