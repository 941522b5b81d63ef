/**
 * The event patterns of the two rules.
 *
 * Syntax: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */

/** The detail type of a request to start tasks. */
export const START_DETAIL_TYPE = "Start ECS Task";
/** The detail type of a request to stop tasks. */
export const STOP_DETAIL_TYPE = "Stop ECS Task";
/** The detail type of a request to compare tasks with targets, and repair. */
export const RECONCILE_DETAIL_TYPE = "Reconcile ECS Targets";
/** The detail type of ECS's own events. */
export const STATE_CHANGE_DETAIL_TYPE = "ECS Task State Change";
/** The prefix of `startedBy` of every task that start-engines has started: `src/core/domain/started_by.rs`. */
const STARTED_BY_PREFIX = "start-engines/";

/** Requests, from allowed sources only. */
export function requestPattern(sources: readonly string[]) {
  return { source: [...sources], "detail-type": [START_DETAIL_TYPE, STOP_DETAIL_TYPE, RECONCILE_DETAIL_TYPE] };
}

/** Characters of a pattern. The default quota; AWS raises it to 4096: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
export const MAX_PATTERN_CHARACTERS = 2048;

/**
 * State changes of the function's tasks in its clusters: RUNNING, and from the first sign of a stop.
 *
 * The first sign of a requested stop (`UserInitiated`) comes while the containers still run; the
 * DEPROVISIONING that follows adds nothing, and STOPPED comes after it. Every other stop begins with DEPROVISIONING.
 * `anything-but` does not match absent fields.
 *
 * Where the clusters do not fit, none is named: events of other deployments' tasks in other clusters then reach the function
 * too, which skips them by its lists of clusters and target groups, without a call.
 */
export function stateChangePattern(clusterArns: readonly string[]) {
  const named = stateChangesIn({ clusterArn: [...clusterArns] });
  return JSON.stringify(named).length <= MAX_PATTERN_CHARACTERS ? named : stateChangesIn({});
}

function stateChangesIn(clusters: { readonly clusterArn?: readonly string[] }) {
  return {
    source: ["aws.ecs"],
    "detail-type": [STATE_CHANGE_DETAIL_TYPE],
    detail: {
      startedBy: [{ prefix: STARTED_BY_PREFIX }],
      ...clusters,
      $or: [
        { lastStatus: ["RUNNING"], desiredStatus: ["RUNNING"] },
        { desiredStatus: ["STOPPED"], lastStatus: [{ "anything-but": ["DEPROVISIONING"] }] },
        { desiredStatus: ["STOPPED"], stopCode: [{ "anything-but": ["UserInitiated"] }, { exists: false }] },
      ],
    },
  };
}
