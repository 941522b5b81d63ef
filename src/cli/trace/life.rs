//! The moments of a task's life that ECS keeps, until an hour after its stop
//! ([DescribeTasks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html)), and how the health
//! of its targets is now.

use start_engines_core::domain::task::{FailedStart, Phase};
use start_engines_core::domain::timestamp::Timestamp;

use super::evidence::Life;
use super::{Moment, What};
use crate::fleet::TargetStatus;
use crate::view::health;

/// The moments, in the order of a life.
pub(super) fn moments(life: &Life, now: Timestamp) -> Vec<Moment> {
    let (task, times) = (&life.task, &life.times);
    let place = [&times.capacity_provider, &times.zone].into_iter().flatten();
    let place: Vec<&str> = match &times.capacity_provider {
        Some(_) => place.map(String::as_str).collect(),
        None => [&times.launch_type, &times.zone]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
    };
    // "When the container image pull completed" is also when it failed: the agent sets it whatever has become of the pull
    // (amazon-ecs-agent, engine/docker_task_engine.go, pullContainer).
    let has_failed = task.failed_to_start() && task.stop.failed_start() == FailedStart::ImagePullFailed;
    let pull_ended = if has_failed { What::PullFailed } else { What::PullEnded };
    let of_life = [
        (task.created_at, What::Created, place.join(", ")),
        (times.connected_at, What::Connected, String::new()),
        (times.pull_started_at, What::PullBegan, String::new()),
        (times.pull_stopped_at, pull_ended, String::new()),
        (task.started_at, What::Started, String::new()),
        (life.stopping_at, What::Stopping, String::new()),
        (times.execution_stopped_at, What::ContainersStopped, String::new()),
        (task.stopped_at, What::Stopped, task.stop.to_string()),
    ];
    let mut moments: Vec<Moment> = of_life
        .into_iter()
        .filter_map(|(at, what, detail)| {
            Some(Moment {
                at: at?,
                what,
                detail,
                task: Some(task.arn.clone()),
            })
        })
        .collect();
    // Why it stops is known from the beginning of the stop on.
    if task.stopped_at.is_none()
        && let Some(stopping) = moments.iter_mut().find(|moment| moment.what == What::Stopping)
    {
        stopping.detail = task.stop.to_string();
    }
    let is_past = matches!(task.phase(), Phase::Starting | Phase::Stopped | Phase::Stopping);
    let shown = life
        .status
        .targets
        .iter()
        .filter(|target| !is_past || target.member.is_some());
    moments.extend(shown.map(|target| Moment {
        at: now,
        what: What::Health,
        detail: health_of(target),
        task: Some(task.arn.clone()),
    }));
    moments
}

/// A target with its state now, and the reason in words.
fn health_of(target: &TargetStatus) -> String {
    let group = target.attachment.group.name();
    let Some(member) = &target.member else {
        return format!("{group}, port {}: not registered", target.attachment.port);
    };
    let mut text = format!("{group}/{}: {}", member.target, member.state);
    if let Some(reason) = &member.reason {
        text += &format!(": {} ({reason})", health::words(reason));
    }
    text
}
