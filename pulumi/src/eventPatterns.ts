/**
 * The event patterns of the two rules.
 *
 * Syntax: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */

/** The detail-type that asks for a start. */
export const START_DETAIL_TYPE = "Start ECS Task";
/** The detail-type that asks for a stop. */
export const STOP_DETAIL_TYPE = "Stop ECS Task";
/** The detail-type that asks for a comparison of tasks with targets, and for repair. */
export const RECONCILE_DETAIL_TYPE = "Reconcile ECS Targets";
/** The detail-type of ECS's own events. */
export const STATE_CHANGE_DETAIL_TYPE = "ECS Task State Change";
/** What `startedBy` of every task of ours begins with: `src/core/domain/started_by.rs`. */
const STARTED_BY_PREFIX = "start-engines/";

/** What applications and schedules ask for, only from those that may. */
export function requestPattern(sources: readonly string[]) {
  return { source: [...sources], "detail-type": [START_DETAIL_TYPE, STOP_DETAIL_TYPE, RECONCILE_DETAIL_TYPE] };
}

/**
 * State changes of our tasks in our clusters: once they run, and from the first sign of a stop.
 *
 * The first sign of a stop that somebody asked for (`UserInitiated`) comes while the containers still run; the
 * DEPROVISIONING that follows tells nothing new, and STOPPED comes after it. Every other stop begins with DEPROVISIONING.
 * `anything-but` does not match what is absent.
 */
export function stateChangePattern(clusterArns: readonly string[]) {
  return {
    source: ["aws.ecs"],
    "detail-type": [STATE_CHANGE_DETAIL_TYPE],
    detail: {
      startedBy: [{ prefix: STARTED_BY_PREFIX }],
      clusterArn: [...clusterArns],
      $or: [
        { lastStatus: ["RUNNING"], desiredStatus: ["RUNNING"] },
        { desiredStatus: ["STOPPED"], lastStatus: [{ "anything-but": ["DEPROVISIONING"] }] },
        { desiredStatus: ["STOPPED"], stopCode: [{ "anything-but": ["UserInitiated"] }, { exists: false }] },
      ],
    },
  };
}
