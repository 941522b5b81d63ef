//! The function that most teams write first: start, wait, register; and a rule of its own for STOPPED.
//!
//! It is as good as its kind: it names its client token, so that a retry starts nothing twice.

use std::rc::Rc;
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::Config;
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::started_by;
use start_engines_core::domain::target::{Target, Zone};
use start_engines_core::domain::task::{Network, Status, Task};
use start_engines_core::ports::Aws;
use start_engines_core::request::{self, Trigger};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::lambda::{Instance, Lambda, Program, kind, millis};
use crate::parameters as p;
use crate::port::Client;
use crate::world::{Sent, Shared};

/// Each event is an invocation of such a function.
pub(crate) fn polling(shared: &Shared, config: Config, program: Program) -> impl Fn(Sent) + use<> {
    let lambda = Lambda::new(shared, config.clone(), program, p::BOTO_ATTEMPTS);
    move |Sent { event, .. }| {
        let (lambda, config) = (lambda.clone(), config.clone());
        spawn_local(async move {
            let kind = kind(&event);
            let trigger = request::read(event, &config, None).expect("a sound event");
            let work = async |instance: Rc<Instance<Shared>>| {
                let waited = wait_by_hand(&instance.client, &trigger).await;
                waited.map_err(|error| error.kind.name())
            };
            match &trigger {
                Trigger::TaskStateChange(change) if change.task.last_status != Status::Stopped => {}
                _ => lambda.asynchronous(kind, work).await,
            }
        });
    }
}

async fn wait_by_hand(client: &Client<Shared>, trigger: &Trigger) -> Result<(), CallError> {
    let until = Duration::from_millis(p::LONGEST_TIMEOUT);
    let ask = async |call: &Call| client.perform(call, until).await;
    match trigger {
        Trigger::Start(request) => {
            let call = Call::RunTask(Box::new(request.call(0, 0, 1).expect("a placement")));
            let Answer::Started(started) = ask(&call).await? else {
                panic!("RunTask starts");
            };
            let call = Call::DescribeTasks {
                cluster: request.cluster.clone(),
                tasks: started.tasks,
            };
            for _ in 0..p::WAITER_ATTEMPTS {
                let Answer::Tasks(tasks) = ask(&call).await? else {
                    panic!("DescribeTasks describes");
                };
                let task = tasks.first().expect("the task");
                if task.last_status == Status::Running {
                    let (group, target) = target(task);
                    let zone = Zone::Own;
                    let targets = vec![target];
                    ask(&Call::RegisterTargets { group, targets, zone }).await?;
                    return Ok(());
                }
                sleep(millis(p::WAITER_DELAY)).await;
            }
            Ok(())
        }
        Trigger::TaskStateChange(change) => {
            let (group, target) = target(&change.task);
            let call = Call::DeregisterTargets {
                group,
                targets: vec![target],
                within: until,
            };
            ask(&call).await.map(|_| ())
        }
        _ => Ok(()),
    }
}

fn target(task: &Task) -> (TargetGroupArn, Target) {
    let text = task.started_by.as_deref().expect("a startedBy of start-engines");
    let attachment = started_by::decode(text, &task.arn.scope())
        .expect("a startedBy of start-engines")
        .remove(0);
    let Network::Awsvpc(addresses) = &task.network else {
        panic!("all of them have an interface");
    };
    let target = Target {
        id: addresses.ipv4.expect("an address").to_string(),
        port: attachment.port,
    };
    (attachment.group, target)
}
