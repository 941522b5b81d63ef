//! The two ways of this function to its events: each event by itself, or batches from queues.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use start_engines_core::config::Config;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::lambda::{Instance, KILLED, Lambda, Program, kind, millis, reason};
use crate::parameters as p;
use crate::port::Account;
use crate::world::{Sent, Shared};

/// Each event is an invocation of the function.
pub(crate) fn direct(shared: &Shared, config: Config, program: Program) -> impl Fn(Sent) + use<> {
    let lambda = Lambda::new(shared, config, program, p::SDK_ATTEMPTS);
    move |Sent { event, .. }| {
        let lambda = lambda.clone();
        spawn_local(async move { lambda.handle_asynchronously(event).await });
    }
}

/// A message.
struct Message {
    kind: &'static str,
    body: String,
    receives: u32,
}

/// An SQS queue.
#[derive(Clone, Default)]
struct Queue {
    messages: Rc<RefCell<VecDeque<Message>>>,
    arrived: Rc<Notify>,
}

impl Queue {
    fn send(&self, message: Message) {
        self.messages.borrow_mut().push_back(message);
        self.arrived.notify_one();
    }

    async fn receive(&self) -> Message {
        loop {
            let message = self.messages.borrow_mut().pop_front();
            if let Some(message) = message {
                return message;
            }
            self.arrived.notified().await;
        }
    }
}

/// The rules' events go to queues, from which the function is invoked with batches.
pub(crate) fn buffered(shared: &Shared, config: Config, program: Program, is_one_queue: bool) -> impl Fn(Sent) + use<> {
    let lambda = Lambda::new(shared, config, program, p::SDK_ATTEMPTS);
    let open = |settings: p::Batches| {
        let queue = Queue::default();
        for _ in 0..p::PULLERS {
            spawn_local(pull(queue.clone(), lambda.clone(), settings));
        }
        queue
    };
    let changes = open(if is_one_queue { p::ONE_QUEUE } else { p::CHANGES });
    let requests = if is_one_queue {
        changes.clone()
    } else {
        open(p::REQUESTS)
    };
    let shared = shared.clone();
    move |Sent { event, by_schedule }| {
        if by_schedule {
            let lambda = lambda.clone();
            spawn_local(async move { lambda.handle_asynchronously(event).await });
            return;
        }
        let queue = if event["source"] == "aws.ecs" {
            &changes
        } else {
            &requests
        };
        let (queue, shared) = (queue.clone(), shared.clone());
        let message = Message {
            kind: kind(&event),
            body: event.to_string(),
            receives: 0,
        };
        shared.count(|figures| {
            figures.sqs_calls += 1;
            figures.event(message.kind);
        });
        spawn_local(async move {
            sleep(shared.some(p::SQS_DELIVERS)).await;
            queue.send(message);
        });
    }
}

/// One of the concurrent pollers of the event source mapping.
async fn pull(queue: Queue, lambda: Lambda<Shared>, settings: p::Batches) {
    loop {
        let mut batch = vec![queue.receive().await];
        let window_ends = Instant::now() + millis(settings.window);
        while batch.len() < settings.size {
            tokio::select! {
                biased;
                message = queue.receive() => batch.push(message),
                () = sleep_until(window_ends) => break,
            }
        }
        let calls = 2 * batch.len().div_ceil(p::MESSAGES_A_CALL) as u64;
        lambda.account.count(|figures| figures.sqs_calls += calls);
        let visible_at = Instant::now() + millis(p::VISIBILITY_TIMEOUT);
        let bodies: Vec<String> = batch.iter().map(|message| message.body.clone()).collect();
        let work = async |instance: Rc<Instance<Shared>>| instance.handle_batch(&bodies).await;
        let all = lambda.invoke(work).await;
        for (n, mut message) in batch.into_iter().enumerate() {
            let Err(reason) = all.as_ref().map_or(Err(KILLED), |all| reason(&all[n])) else {
                continue;
            };
            message.receives += 1;
            let is_last = message.receives >= p::MAX_RECEIVES;
            lambda
                .account
                .count(|figures| figures.fail(message.kind, reason, message.receives == 1, is_last));
            if is_last {
                continue;
            }
            let queue = queue.clone();
            spawn_local(async move {
                sleep_until(visible_at).await;
                queue.send(message);
            });
        }
    }
}
