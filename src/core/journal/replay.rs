//! Replays a journal from its beginning: a call that it contains is answered from it, the first that it does not contain
//! ends the run.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::entries::{Entry, Journal};
use super::halt::{Asked, AskedEach, Halt};
use super::parts::{Key, Part};
use crate::call::{Answer, Call};
use crate::domain::arn::TaskDefinition;
use crate::domain::timestamp::Timestamp;
use crate::outcome::{Category, Failure};

/// The minimum time left in which a further call is made. With less the decision fails by itself, and its failure reports
/// what was done.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Reads a journal from its beginning, call by call.
#[derive(Debug)]
pub struct Reader<'a> {
    journal: &'a Journal,
    read: usize,
    /// The index of the entry of each task definition that was described: all tasks of a revision have the same.
    definitions: HashMap<TaskDefinition, usize>,
    /// How many parts of a type began at an entry.
    begun: HashMap<(usize, TypeId), usize>,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of the journal.
    #[must_use]
    pub fn new(journal: &'a Journal) -> Self {
        Self {
            journal,
            read: 0,
            definitions: HashMap::new(),
            begun: HashMap::new(),
        }
    }

    /// The time of the answer that was read last; before the first, when the handling began.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let last = self.read.checked_sub(1).and_then(|n| self.journal.entries.get(n));
        last.map_or(self.journal.began_at, |entry| entry.answered_at)
    }

    /// Whether this much time is left until the deadline, if there is one.
    #[must_use]
    pub fn has_time(&self, needed: Duration) -> bool {
        self.journal
            .deadline
            .is_none_or(|deadline| deadline.since(self.now()) >= needed)
    }

    /// When the invocation ends, if that is known.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.journal.deadline
    }

    /// Asks for one call.
    pub(super) fn ask<T>(&mut self, call: Call, pick: impl Fn(&'a Answer) -> Option<T>) -> Asked<'a, T> {
        let journal = self.journal;
        match journal.entries.get(self.read) {
            Some(entry) => self.answer(entry, &call, pick),
            None => Err(self.stop_for(vec![call])),
        }
    }

    /// Asks for several calls that do not depend on each other, so that they can be made side by side; one answer for each,
    /// in order.
    pub(super) fn ask_each<T>(&mut self, calls: Vec<Call>, pick: impl Fn(&'a Answer) -> Option<T>) -> AskedEach<'a, T> {
        let journal = self.journal;
        let known = journal.entries.len().saturating_sub(self.read);
        if known < calls.len() {
            let unknown = calls.into_iter().skip(known).collect();
            return Err(self.stop_for(unknown));
        }
        let entries = journal.entries.iter().skip(self.read);
        let answers = entries.zip(&calls);
        answers.map(|(entry, call)| self.answer(entry, call, &pick)).collect()
    }

    fn stop_for(&self, calls: Vec<Call>) -> Halt {
        if self.has_time(SHORTEST_CALL) {
            return Halt::Ask(calls);
        }
        let operation = calls.first().map_or("a call", Call::operation);
        let message = format!("no time is left in this invocation for {operation}");
        Failure::new(Category::OutOfTime, message).into()
    }

    fn answer<T>(&mut self, entry: &'a Entry, call: &Call, pick: impl Fn(&'a Answer) -> Option<T>) -> Asked<'a, T> {
        self.read += 1;
        if entry.call != *call {
            return Err(Failure::internal("a decision made another call than the one in its journal").into());
        }
        match entry.answer.as_ref().map(pick) {
            Ok(Some(answer)) => Ok(Ok(answer)),
            Ok(None) => Err(Failure::internal("the journal contains an answer to another kind of call").into()),
            Err(error) => Ok(Err(error)),
        }
    }

    /// The entry of a definition that was described.
    pub(super) fn known_definition(&self, arn: &TaskDefinition) -> Option<&'a Entry> {
        let n = self.definitions.get(arn)?;
        self.journal.entries.get(*n)
    }

    /// Notes that the entry that was read last describes a definition.
    pub(super) fn note_definition(&mut self, arn: TaskDefinition) {
        self.definitions.insert(arn, self.read.saturating_sub(1));
    }

    /// Makes something of a part of the journal once, however often the decision runs.
    ///
    /// # Errors
    /// With those of `make`, which is run again then.
    pub fn part<T>(&mut self, make: impl FnOnce(&mut Self) -> Result<T, Halt>) -> Result<Arc<T>, Halt>
    where
        T: Any + Send + Sync,
    {
        let key = self.begin::<T>();
        if let Some((made, true)) = self.remembered(key) {
            return Ok(made);
        }
        let made = Arc::new(make(self)?);
        self.remember(key, Arc::clone(&made), true);
        Ok(made)
    }

    /// Makes something of a part of the journal step by step, each step once, until one breaks off. A step must not change
    /// what is made before it has all its answers.
    ///
    /// # Errors
    /// With those of a step, which is run again then.
    pub fn steps<T>(
        &mut self,
        mut step: impl FnMut(&mut T, &mut Self) -> Result<ControlFlow<()>, Halt>,
    ) -> Result<Arc<T>, Halt>
    where
        T: Any + Send + Sync + Default,
    {
        let key = self.begin::<T>();
        let mut made = match self.remembered(key) {
            Some((made, true)) => return Ok(made),
            Some((made, false)) => Arc::into_inner(made).unwrap_or_else(|| {
                self.read = key.0;
                T::default()
            }),
            None => T::default(),
        };
        loop {
            let read = self.read;
            match step(&mut made, self) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(ask @ Halt::Ask(_)) => {
                    self.read = read;
                    self.definitions.retain(|_, n| *n < read);
                    self.remember(key, Arc::new(made), false);
                    return Err(ask);
                }
                Err(fail @ Halt::Fail(_)) => return Err(fail),
            }
        }
        let made = Arc::new(made);
        self.remember(key, Arc::clone(&made), true);
        Ok(made)
    }

    /// A part begins here.
    fn begin<T: Any>(&mut self) -> Key {
        let (begin, of) = (self.read, TypeId::of::<T>());
        let begun = self.begun.entry((begin, of)).or_default();
        let key = (begin, of, *begun);
        *begun += 1;
        key
    }

    /// What was made of the part that begins here, and whether it is finished; goes on behind it.
    fn remembered<T: Any + Send + Sync>(&mut self, key: Key) -> Option<(Arc<T>, bool)> {
        let (read, definitions, state, is_finished) = self.journal.parts.with(|parts| {
            if parts.get(&key)?.is_finished {
                let part = parts.get(&key)?;
                return Some((part.read, part.definitions.clone(), Arc::clone(&part.state), true));
            }
            let part = parts.remove(&key)?;
            Some((part.read, part.definitions, part.state, false))
        })?;
        let made = state.downcast().ok()?;
        self.read = read;
        self.definitions = definitions;
        Some((made, is_finished))
    }

    fn remember<T: Any + Send + Sync>(&mut self, key: Key, made: Arc<T>, is_finished: bool) {
        let (begin, ..) = key;
        if self.read == begin {
            return;
        }
        let part = Part {
            read: self.read,
            definitions: self.definitions.clone(),
            state: made,
            is_finished,
        };
        let within = begin..self.read;
        self.journal.parts.with(|parts| {
            if is_finished {
                // Parts of this one.
                parts.retain(|(begin, ..), _| !within.contains(begin));
            }
            parts.insert(key, part);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_158_000_000);

    fn call(id: &str) -> Call {
        Call::DescribeDeregistrationDelay {
            group: format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{id}/73e2d6bc24d8a067")
                .parse()
                .unwrap(),
        }
    }

    /// Asks for these one after the other, each once; says for what.
    fn part(ids: &[&'static str], reader: &mut Reader<'_>, made: &mut usize) -> Result<Arc<Vec<&'static str>>, Halt> {
        reader.steps(|asked: &mut Vec<&'static str>, reader| {
            *made += 1;
            let Some(id) = ids.get(asked.len()) else {
                return Ok(ControlFlow::Break(()));
            };
            reader.ask(call(id), Some)?.unwrap();
            asked.push(id);
            Ok(ControlFlow::Continue(()))
        })
    }

    #[test]
    fn each_step_is_made_once_and_a_part_that_reads_nothing_is_not_taken_for_the_next() {
        let mut journal = Journal::new(NOW);
        let (mut made, mut runs) = (0, 0);
        let parts = loop {
            runs += 1;
            let mut reader = Reader::new(&journal);
            let mut decide = || -> Result<_, Halt> {
                let none = part(&[], &mut reader, &mut made)?;
                let two = part(&["a", "b"], &mut reader, &mut made)?;
                Ok((none, two, part(&["c"], &mut reader, &mut made)?))
            };
            match decide() {
                Ok(parts) => break parts,
                Err(Halt::Ask(calls)) => journal.entries.extend(calls.into_iter().map(|call| Entry {
                    call,
                    asked_at: NOW,
                    answered_at: NOW,
                    calls: 1,
                    answer: Ok(Answer::DeregistrationDelay(Duration::ZERO)),
                })),
                Err(Halt::Fail(failure)) => panic!("{failure}"),
            }
        };
        assert_eq!((parts.0.as_slice(), parts.1.as_slice()), (&[][..], &["a", "b"][..]));
        assert_eq!((parts.2.as_slice(), runs), (&["c"][..], 4));
        // The empty part in each run; a, b and c each asked for and answered, and the ends of their parts.
        assert_eq!(made, 4 + 3 * 2 + 2);
        // Without the memory the same comes out.
        let mut reader = Reader::new(&journal);
        let copy = journal.clone();
        assert_eq!(part(&[], &mut Reader::new(&copy), &mut made).unwrap().len(), 0);
        assert_eq!(
            part(&["a", "b"], &mut reader, &mut made).unwrap().as_slice(),
            ["a", "b"]
        );
    }
}
