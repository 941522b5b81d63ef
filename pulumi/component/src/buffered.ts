/**
 * Buffered mode: two queues between the rules and the function, and their settings with their defaults.
 *
 * Two, since starts may wait for minutes when more are requested than Fargate accepts (`make simulate`): in one queue, the
 * state changes of running tasks would wait behind them.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */

import { type BufferQueueArgs, DEFAULTS, type StartEnginesArgs } from "./arguments";

/** What the queues' physical names, and the names of the resources that belong to them, end with. */
export const SUFFIXES = { requests: "requests", stateChanges: "state-changes" } as const;

/** What alarms and charts call the queues; the outputs and the command's options begin with the same words. */
export const LABELS = { requests: "request", stateChanges: "state-change" } as const;

/** The kind of a queue's events: requests (starts, stops, reconciles), or ECS's task state changes. */
export type Kind = keyof typeof SUFFIXES;

export const KINDS: readonly Kind[] = ["requests", "stateChanges"];

/** All settings of one queue. */
export type BufferQueue = { readonly [K in keyof BufferQueueArgs]-?: number };

/** All settings of buffered mode. */
export interface Buffer extends Readonly<Record<Kind, BufferQueue>> {
  /** Whether the rules invoke the function already, and the queues are only emptied. */
  readonly drain: boolean;
}

/**
 * The defaults that differ between the two queues.
 *
 * - `batchSize`, `maximumBatchingWindowSeconds`: a start is a call of its own, so batches save nothing, and 10 is the most
 *   that Lambda delivers without a window. State changes share their calls: as many as possible at once, up to Lambda's
 *   6 MB. Events that are more than 5 s old need more calls (`src/core/decide/timing.rs`), so the window is 3.
 * - `maximumConcurrency`: Lambda's minimum. AWS's limits are per account, and more concurrent batches are smaller, with
 *   more calls.
 */
const SETTINGS: Readonly<Record<Kind, Pick<BufferQueue, "batchSize" | "maximumBatchingWindowSeconds" | "maximumConcurrency">>> = {
  requests: { batchSize: 10, maximumBatchingWindowSeconds: 0, maximumConcurrency: 2 },
  stateChanges: { batchSize: 1000, maximumBatchingWindowSeconds: 3, maximumConcurrency: 2 },
};

/**
 * The defaults that both queues share.
 *
 * - `maxReceiveCount`: the minimum that AWS recommends. The fifth attempt comes after 12 minutes, well within the hour for
 *   which ECS returns stopped tasks, and the hours for which it keeps client tokens.
 * - `retentionDays`: a message keeps its age when it goes to the dead-letter queue, which must keep it longer.
 */
const ALIKE = { maxReceiveCount: 5, retentionDays: 4 } as const;

/** What the settings depend on. */
export type BufferedBy = Pick<StartEnginesArgs, "buffered" | "timeout" | "queueRetentionDays">;

/** The settings, or undefined if the rules invoke the function directly. */
export function bufferOf(args: BufferedBy): Buffer | undefined {
  const buffered = args.buffered ?? false;
  if (buffered === false) return undefined;
  const given = buffered === true ? {} : buffered;
  const timeout = args.timeout ?? DEFAULTS.timeout;
  const maxDays = args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  const settings = (kind: Kind): BufferQueue => {
    const [own, set] = [SETTINGS[kind], given[kind] ?? {}];
    const window = set.maximumBatchingWindowSeconds ?? own.maximumBatchingWindowSeconds;
    return {
      batchSize: set.batchSize ?? own.batchSize,
      maximumBatchingWindowSeconds: window,
      maximumConcurrency: set.maximumConcurrency ?? own.maximumConcurrency,
      maxReceiveCount: set.maxReceiveCount ?? ALIKE.maxReceiveCount,
      visibilityTimeoutSeconds: set.visibilityTimeoutSeconds ?? minVisibilityTimeout(timeout, window),
      retentionDays: set.retentionDays ?? Math.min(ALIKE.retentionDays, maxDays),
    };
  };
  return { requests: settings("requests"), stateChanges: settings("stateChanges"), drain: given.drain ?? false };
}

/**
 * AWS's recommendation: it leaves time for Lambda's own retries when the function is throttled. It is also longer than the
 * minute after which every abandoned call has taken effect (`src/core/decide/timing.rs`), since a timeout is at least 30 s.
 */
export function minVisibilityTimeout(timeout: number, window: number): number {
  return 6 * timeout + window;
}

/** The maximum number of batches at a time of both queues, which share the function's concurrency. */
export function concurrencyOf(buffer: Buffer): number {
  return buffer.requests.maximumConcurrency + buffer.stateChanges.maximumConcurrency;
}
