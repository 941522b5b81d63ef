/**
 * Buffered mode: a queue between the rules and the function, and its settings with their defaults.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */

import { DEFAULTS, type StartEnginesArgs } from "./arguments";

/** Every setting, none left out. */
export interface Buffer {
  readonly batchSize: number;
  readonly maximumBatchingWindowSeconds: number;
  readonly maximumConcurrency: number;
  readonly maxReceiveCount: number;
  readonly visibilityTimeoutSeconds: number;
  readonly retentionDays: number;
  /** Whether the rules invoke the function already, and the queue is only emptied. */
  readonly drain: boolean;
}

/**
 * Of each setting that is not given, the value.
 *
 * - `batchSize`: starts are the slowest of a batch, and in the worst case are all of it. The function makes 8 RunTask
 *   calls at a time, of some 300 ms: 200 take 8 s. With two batches at a time they share Fargate's 20 starts a second:
 *   400 take 20 s, of a timeout of 30. It is also what RegisterTargets takes at once.
 * - `maximumBatchingWindowSeconds`: the least that batches of more than 10 may have. Each second is one of lag, and a stop
 *   that is handled more than 5 s after it happened takes more calls (`src/decide/timing.rs`).
 * - `maximumConcurrency`: the least that Lambda takes. ELB takes 4 calls a second of a whole account, so more batches at a
 *   time are smaller batches, and more calls.
 * - `maxReceiveCount`: the least that AWS advises. A fifth try comes after 12 minutes, well within the hour for which ECS
 *   shows stopped tasks, and the hours for which it keeps client tokens.
 * - `retentionDays`: a message keeps its age when it goes to the dead-letter queue, which must keep it longer.
 */
const SETTINGS = {
  batchSize: 200,
  maximumBatchingWindowSeconds: 1,
  maximumConcurrency: 2,
  maxReceiveCount: 5,
  retentionDays: 4,
} as const;

/** What the settings depend on. */
export type BufferedBy = Pick<StartEnginesArgs, "buffered" | "timeout" | "queueRetentionDays">;

/** The settings, or undefined if the rules invoke the function directly. */
export function bufferOf(args: BufferedBy): Buffer | undefined {
  const { buffered } = args;
  if (buffered === undefined || buffered === false) return undefined;
  const given = buffered === true ? {} : buffered;
  const window = given.maximumBatchingWindowSeconds ?? SETTINGS.maximumBatchingWindowSeconds;
  const leastTimeout = leastVisibilityTimeout(args.timeout ?? DEFAULTS.timeout, window);
  const mostDays = args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  return {
    batchSize: given.batchSize ?? SETTINGS.batchSize,
    maximumBatchingWindowSeconds: window,
    maximumConcurrency: given.maximumConcurrency ?? SETTINGS.maximumConcurrency,
    maxReceiveCount: given.maxReceiveCount ?? SETTINGS.maxReceiveCount,
    visibilityTimeoutSeconds: given.visibilityTimeoutSeconds ?? leastTimeout,
    retentionDays: given.retentionDays ?? Math.min(SETTINGS.retentionDays, mostDays),
    drain: given.drain ?? false,
  };
}

/**
 * AWS's figure: it leaves time for Lambda's own tries when the function is throttled. It is also more than the minute
 * after which whatever an invocation gave up has landed (`src/decide/timing.rs`), as a timeout has 30 s at least.
 */
export function leastVisibilityTimeout(timeout: number, window: number): number {
  return 6 * timeout + window;
}
