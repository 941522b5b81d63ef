//! Design notes: why the protocol is safe, what it rests on, and what it does not cover.
//!
//! The numbers are those of the invariants in [`super`]; the assumptions are those of
//! [`super::timing`]. Nothing here is code.
//!
//! # 1. When all events of a stopped task are handled, none of its targets is registered
//! Only the RUNNING event of a task registers its targets, so take the last RegisterTargets of it
//! that lands.
//!
//! - *It was answered before the last stop event of the task was made.* That event is still to be
//!   handled then. Its handler deregisters at once if it is fresh and the task not yet STOPPED;
//!   otherwise it asks DescribeTargetHealth, which shows the registration by then, and deregisters.
//!   It leaves the target in only if a newer task owns it, whose own events take it out.
//! - *It was answered later.* Then its handler looks a second time, and DescribeTasks shows the stop
//!   by then. It takes back what it has registered, without asking for its health.
//! - *It never was answered*, because the call was given up or the function died. Then the handler
//!   has failed, so the event is tried again: by Lambda a minute later, or from its queue. The call
//!   has landed by then. The event is either stale, and goes the careful way of a stop, or the
//!   task lives and registers once more, and one of the cases above applies.
//!
//! A task that never ran has put in nothing. But a target may have been left to it, where it had its address
//! while it started, by a late stop of the task before: so its own stop asks DescribeTargetHealth, and takes
//! out what is there. Who may have run, by an event that does not tell, is deregistered without asking.
//!
//! What a stop needs, it reads from the event: `startedBy` outlives the tags, which StopTask
//! deletes. A handler that failed in any call has failed as a whole, and its event comes again.
//!
//! # 2. When the RUNNING event of a live task is handled, all its targets are registered
//! Success is told only after every RegisterTargets was answered and a second look found the task
//! still wanted. Of event and look the higher version wins: a look that lags behind the event does
//! not hide that the task runs. A task that is live is shown as stopping by nothing. That it stays
//! registered is the third invariant.
//!
//! # 3. A live task's target is never deregistered by another task's event
//! A target is an address, and the address of a stopped task becomes another's. A deregistration
//! rests on one of two proofs, and lands, retries included, while that holds:
//!
//! - *The event is fresh.* The address was the task's own when the event was made (or, of a STOPPED
//!   task, a little before `stoppedAt`), and no other task can be RUNNING with it before `REUSE` has
//!   passed. The time for the call ends before that, less what the clocks may differ.
//! - *Nobody owns the address* ("the careful way"). All tasks of all configured clusters were listed
//!   and described, and none that is to stay has the address with this group and port. One that does
//!   not show its address yet is registered no sooner than `ATTACH` from then. If the search takes
//!   longer, nothing is deregistered, and the event is tried again. On a container instance a task has the
//!   ports that it shows, and where it shows none, those that its definition tells; one that starts with a
//!   port that its definition fixes, or may get any, is waited for. So nothing is left to a task on a machine
//!   that then never runs.
//!
//! # 4. One start event never yields more than `count` tasks
//! Token `i` is made from the event's identity and `i` alone, and ECS starts tasks for a token once, in
//! whichever placement. A walk gets from a token to the next only by what ECS keeps under it: the answer, or a
//! conflict that names its tasks. That is the same for every delivery, so each asks with each token for the
//! same rest, and together the tokens have no more than `count` tasks.
//!
//! - *An exception* leaves nothing under the token, so the walk keeps it. With a new one, a delivery that finds
//!   the world changed (an instance is there now) would start tasks where the exception was, beside those of
//!   the next placement.
//! - *A conflict without tasks* tells of an answer without tasks, or of a request under way. The walk keeps the token, and
//!   hears the answer in the placement whose it is; if that is none of its own, it fails, and can be tried again.
//! - *A call that was given up* ends the walk. Whenever it lands, it is the first with its token, or a conflict.
//! - *A start that is too old* calls no RunTask.
//!
//! Nor does a task start once an application has heard that no retry helps (`placement_failed`): a walk says
//! so only after a round in which every placement had an answer that is kept, and each delivery hears these. Other
//! errors that no retry cures stay until somebody changes something, and then a retry may start what was asked for; where
//! a placement before them had an exception, which is not kept, they are told as ones that a retry may cure.
//!
//! That answers with `failures` are kept, and exceptions are not, is measured, not documented. If exceptions were
//! kept too, starts would fail with conflicts; if failures were not, a delivery that finds capacity where there was
//! none would start a second set of tasks.
//!
//! # 5. A request to stop never ends a task whose start was asked for after it
//! A stop of several tasks compares times of requests, which every delivery of either brings along: that of the
//! task is a tag which RunTask puts on it, or `createdAt`, which is no earlier. When something is handled counts for
//! nothing, so a delay, a retry or a redrive changes nothing. Where a task that was made by a start of the same batch has
//! no tag, its event's time counts. A time ahead of the function's clock is refused: it
//! would end what is started till then. Once it has come, it is a time like others, and a retry carries it out. What may err: a tag that somebody has put there, which is not
//! believed more than a minute after `createdAt`; and for a task without the tag (an `idempotencyKey` without
//! `requestedAt`, an adopted task) the clocks of ECS and EventBridge, half a second of which is not told apart in
//! a restart within one second.
//!
//! # A stop that is asked for
//! `Stop ECS Task` ends a task whose targets left their groups before, so the first two invariants ask
//! nothing of the task in between: it drains. The third holds, since a target is taken out within
//! `ATTACH` of seeing its task alive, when the address is still its own; a host port, which may be another's sooner,
//! within `ATTACH` of a look at all tasks on its machine. That the task is stopped in
//! the end rests on the schedule, which exists before anything else is done, and on StopTask, whose
//! events take out whatever was left, or came back by a RUNNING event that DescribeTasks did not
//! show the tag to. Where the second half is lost, the tag remains: its time is over, so the next stop, deadline or
//! reconcile that meets it calls StopTask.
//!
//! # A reconcile
//! It registers and deregisters where the event that should have done so was lost for good, by the same
//! rules: a task is registered only if a look right before shows it RUNNING and not draining, and a look
//! after decides whether that is taken back; a target is taken out only if a stopping or stopped task of
//! ours had it, and while the proof holds that no live one has it. The registration of a live task by a
//! reconcile is no sooner than `ATTACH` after it showed its address, as it is RUNNING by then.
//!
//! - *The first invariant* adds a second writer. A registration by a reconcile that is answered before the
//!   last stop event of its task is made is found by the handler of that event; one that is answered later,
//!   by the second look; and one that was given up, by the retry of the reconcile, to which ECS shows the
//!   stopped task for an hour.
//! - *The third* rests on the careful way's proof alone: no event is fresh here. A task that the list
//!   does not show with its address is registered no sooner than `ATTACH` after it, by which time the
//!   call has landed, whether the group was read before the list or after it.
//!
//! # How it is proven
//! - `tests/model/`: this very `decide` in every interleaving of small worlds; and with each
//!   safeguard taken away, the counterexample.
//! - `tests/simulation/`: the handler in thousands of task lives, from seeds.
//! - `tests/it/kills.rs`: the binary at the wire, killed between its calls.
//! - `make soak`, `make fuzz`: 100,000 events through one process; arbitrary events and answers.
//!
//! The model knows tasks with an interface of their own only. Tasks on container instances, which always go
//! the careful way, are in the simulation, in network modes `host` and `bridge`, with ports that are used
//! again at once and an ECS that shows a stop half a minute late; and as examples at the wire, in
//! `tests/it/instances.rs` and `tests/it/hosts.rs`. Stops that are asked for are in the simulation, not in the
//! model. Starts have a model of their own: every interleaving of their deliveries, with room that changes between any
//! two calls.
//!
//! # What is not covered, and what repairs it
//! | what happens | what breaks | what repairs it |
//! | --- | --- | --- |
//! | an event is lost for good: nobody redrives it in the 14 days that the queues keep it, or it never reached a rule | 1: a dead target stays, which its health checks keep out of service; 2: a task runs without traffic | `Reconcile ECS Targets`: for a task that runs at any time, for one that has stopped within the hour; later its target is told as unknown |
//! | a reconcile dies while it registers, its call lands after the task's last stop event is handled, and nobody sends the reconcile again within the hour | 1 | deregister by hand: the next reconcile tells it as unknown |
//! | DescribeTasks does not show the tag of a task that drains to a late RUNNING event | nothing in the end: its target is back until StopTask | the events of the stop |
//! | the second half of a drain is lost | nothing of these: the task runs on, out of its groups | the next stop or reconcile, the `reconcileSchedule` of the component for one; `status` shows it as OVERDUE |
//! | a stop makes the schedule of a drain and cannot tag the task; then a stop with a shorter drain can | nothing of these: the schedule that stops the task is the first one's, later than its tag says | that schedule, or the next stop or reconcile after the tag's time |
//! | a start's event is handled after a stop that was asked for later, in another invocation; or ECS does not list a task yet when its stop is handled | nothing of these: the task runs | the next stop; in one batch the stop waits |
//! | nobody redrives a failed event yet | the same, until then | the alarms on the queues |
//! | DescribeTasks lags until after the last stop event is handled | 1: a registration that lost the race stays | as above; or the next stop of a task with that address |
//! | DescribeTasks shows a stopped task as wanted when its address is another's already | 1: its target is left to an owner that is none | as above |
//! | an address serves another RUNNING task sooner than `REUSE`; or a task is registered sooner than `ATTACH` after it is shown; or clocks differ by more than `SKEW` | 3: a late call takes a live target | `Reconcile ECS Targets` |
//! | ECS does not show a task on a container instance `ATTACH` before it is registered; or shows for longer that a task still has a port that its machine chose, though another has it by now | 3: a late stop takes the live one's target | `Reconcile ECS Targets`; with a fixed `hostPort`, or network mode `host`, the second cannot be |
//! | a task definition is deleted while an event of a task that it alone tells the ports of (network mode `host`) waits in a queue, and no warm function remembers it | 1: `ports_unknown` | deregister by hand: the message names each target and the command |
//! | a task listens, in network mode `host`, on a port that its definition does not map | 2: it is refused, as ECS keeps no such port for one task | add the port mapping |
//! | a call that was given up lands after its event was tried again | 1, 3 | as above |
//! | a newer task with the address runs in a cluster that the configuration does not name in full, or was not started by us | 3: it is not found, and a late stop takes its target | name all clusters in `ALLOWED_CLUSTERS`; one target group has one keeper |
//! | two deployments have a target group in common, and one does not name the clusters of the other | 3: a newer task there is not found, and a late stop takes its target | a target group of its own for each deployment; else all clusters in `ALLOWED_CLUSTERS` of both |
//! | a group is taken off `ALLOWED_TARGET_GROUPS` while a target of ours is in it | 1: it is not tried on the way down | take it off once it is empty of ours; deregister by hand |
//! | somebody else deregisters a live task's target | 2 | `Reconcile ECS Targets`; no event of ours tells of it |
//! | somebody else registers an address | nothing of ours; it is left in unless a stop of ours names it | whoever did it |
//! | a start comes again after ECS has forgotten its tokens (the lesser of 24 h and the task's life and an hour) | 4: it is done once more | do not redrive starts that old; stop the tasks that are too many |
//! | a start whose catalog entry has changed between two deliveries | nothing: ECS answers with a conflict, and what exists counts; if nothing does, it fails as `client_token_conflict` | none needed; if it stays, a new event |
//! | a start comes again more than an hour after its task was stopped | 4, as above | `maxAgeSeconds` below an hour |
//! | a deadline cannot be set, and its event is never handled again | none: the task runs for as long as it likes | the alarm, `redrive`, or a stop |
//! | the owner search takes longer than `ATTACH`, each time (several thousand tasks) | 1: the late stop, or a reconcile, never succeeds | the event waits in the queue; deregister by hand |
//! | a task whose address nobody tells any more (`address_unknown`) | 1 | deregister by hand: the message says of which task |
//! | a task whose host ports or instance nobody tells any more (`ports_unknown`, `instance_unknown`), with something left in its group that no live task has | 1 | deregister by hand: the message names each target and the command |
//! | something that is not AWS answers RegisterTargets with 200 | 2: an empty answer is all that ELB gives, so the SDK does not read it | TLS: nobody else can answer |
