//! Instances of the function: the crate's own handler, its ports ending in mailboxes.
//!
//! Nothing here waits: an invocation runs until it asks AWS for something, and goes on when the
//! simulation has put the answer into its mailbox.

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

/// How long Lambda lets an invocation run.
const TIMEOUT: Duration = Duration::from_secs(60);

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

#[derive(Debug, Default)]
struct Letters {
    asked: Option<(Call, Duration)>,
    answer: Option<Result<Answer, CallError>>,
    /// Whoever waits for the answer.
    waker: Option<Waker>,
}

impl Mailbox {
    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().expect("one thread")
    }
}

impl Aws for Mailbox {
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send {
        self.letters().asked = Some((call.clone(), within));
        let mailbox = self.clone();
        poll_fn(move |context| {
            let mut letters = mailbox.letters();
            letters.waker = Some(context.waker().clone());
            letters.answer.take().map_or(Poll::Pending, Poll::Ready)
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

    /// Hands it an event.
    pub(crate) fn invoke(self, event: Value) -> Running {
        let handler = Rc::clone(&self.handler);
        let invocation = Invocation {
            deadline: self.clock.now().after(TIMEOUT),
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
    /// It waits for the answer to this, so long.
    Asks(Running, Call, Duration),
    /// It is over, and its instance is free.
    Ends(Instance, Handled),
}

impl Running {
    /// Lets it run.
    pub(crate) fn run(mut self) -> Next {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(handled) => Next::Ends(self.instance, handled),
            Poll::Pending => {
                let asked = self.instance.mailbox.letters().asked.take();
                let (call, within) = asked.expect("it waits for nothing but AWS");
                Next::Asks(self, call, within)
            }
        }
    }

    /// Gives it the answer that it waits for, and lets it run.
    pub(crate) fn hear(self, answer: Result<Answer, CallError>) -> Next {
        let waker = {
            let mut letters = self.instance.mailbox.letters();
            letters.answer = Some(answer);
            letters.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        self.run()
    }
}
