//! Instances of the function: the crate's own handler, its ports ending in mailboxes.
//!
//! Nothing here waits: an invocation runs until it asks AWS for something, and goes on when the
//! simulation has put the answer into its mailbox.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::Value;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::Config;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::Handled;
use start_engines_handler::{Handler, Invocation};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";

/// The simulation's time, in milliseconds since 1970.
pub(crate) type SharedTime = Arc<AtomicI64>;

/// An instance's own clock, off by a little.
#[derive(Clone, Debug)]
struct SkewedClock {
    time: SharedTime,
    skew: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.load(Ordering::Relaxed) + self.skew)
    }
}

/// What an instance asks of AWS, and what it hears.
#[derive(Clone, Debug, Default)]
struct Mailbox(Arc<Mutex<Letters>>);

/// Which of an instance's calls, in the order in which it makes them.
pub(crate) type Letter = u64;

/// A call that an invocation waits for, and how long.
pub(crate) struct Asked {
    pub(crate) letter: Letter,
    pub(crate) call: Call,
    pub(crate) within: Duration,
}

#[derive(Debug, Default)]
struct Letters {
    written: Letter,
    /// Not yet sent.
    asked: Vec<(Letter, Call, Duration)>,
    answers: BTreeMap<Letter, Result<Answer, CallError>>,
    /// Whoever waits for the answers.
    wakers: BTreeMap<Letter, Waker>,
}

impl Mailbox {
    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().expect("one thread")
    }
}

impl Aws for Mailbox {
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let letter = {
            let mut letters = self.letters();
            letters.written += 1;
            let letter = letters.written;
            letters.asked.push((letter, call.clone(), within));
            letter
        };
        let mailbox = self.clone();
        poll_fn(move |context| {
            let mut letters = mailbox.letters();
            match letters.answers.remove(&letter) {
                Some(answer) => Poll::Ready(answer),
                None => {
                    letters.wakers.insert(letter, context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

/// A warm function, which handles one event at a time.
pub(crate) struct Instance {
    handler: Rc<Handler<Mailbox, SkewedClock>>,
    clock: SkewedClock,
    mailbox: Mailbox,
}

impl Instance {
    /// A cold start.
    pub(crate) fn new(config: Config, time: &SharedTime, skew: i64) -> Self {
        let mailbox = Mailbox::default();
        let clock = SkewedClock {
            time: Arc::clone(time),
            skew,
        };
        Self {
            handler: Rc::new(Handler::new(config, mailbox.clone(), clock.clone())),
            clock,
            mailbox,
        }
    }

    /// Hands it an event, with so much time.
    pub(crate) fn invoke(self, event: Value, timeout: Duration) -> Running {
        let handler = Rc::clone(&self.handler);
        let invocation = Invocation {
            deadline: self.clock.now().after(timeout),
            function: FUNCTION.parse().ok(),
        };
        Running {
            future: Box::pin(async move { handler.handle(event, &invocation).await }),
            instance: self,
        }
    }
}

/// An invocation under way. Dropping it is a crash.
pub(crate) struct Running {
    future: Pin<Box<dyn Future<Output = Handled>>>,
    instance: Instance,
}

/// What an invocation comes to next.
pub(crate) enum Next {
    /// It waits for answers: to these calls, which are new, and to those that it has not heard of yet.
    Waits(Running, Vec<Asked>),
    /// It is over, and its instance is free.
    Ends(Instance, Box<Handled>),
}

impl Running {
    /// Lets it run.
    pub(crate) fn run(mut self) -> Next {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(handled) => Next::Ends(self.instance, Box::new(handled)),
            Poll::Pending => {
                let asked = std::mem::take(&mut self.instance.mailbox.letters().asked);
                let asked = asked
                    .into_iter()
                    .map(|(letter, call, within)| Asked { letter, call, within });
                Next::Waits(self, asked.collect())
            }
        }
    }

    /// Gives it an answer that it waits for, and lets it run.
    pub(crate) fn hear(self, letter: Letter, answer: Result<Answer, CallError>) -> Next {
        let waker = {
            let mut letters = self.instance.mailbox.letters();
            letters.answers.insert(letter, answer);
            letters.wakers.remove(&letter)
        };
        waker.into_iter().for_each(Waker::wake);
        self.run()
    }
}
