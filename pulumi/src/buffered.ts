/**
 * Buffered mode: two queues between the rules and the function, and their settings with their defaults.
 *
 * Two, since starts may wait for minutes where more are asked for than Fargate takes (`make simulate`): behind them the
 * state changes of tasks that run would wait as long.
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

/** Every setting of one queue, none left out. */
export type BufferQueue = { readonly [K in keyof BufferQueueArgs]-?: number };

/** Every setting. */
export interface Buffer extends Readonly<Record<Kind, BufferQueue>> {
  /** Whether the rules invoke the function already, and the queues are only emptied. */
  readonly drain: boolean;
}

/**
 * Of each setting that differs between the queues and is not given, the value.
 *
 * - `batchSize`, `maximumBatchingWindowSeconds`: a start is a call of its own, so batches save nothing, and 10 is the most
 *   that Lambda hands over without a window. State changes share their calls: as many as come together, up to Lambda's
 *   6 MB. What is longer than 5 s on its way takes more calls (`src/core/decide/timing.rs`), so the window is 3.
 * - `maximumConcurrency`: the least that Lambda takes. AWS's limits are of a whole account, and more batches at a time are
 *   smaller ones, with more calls.
 */
const SETTINGS: Readonly<Record<Kind, Pick<BufferQueue, "batchSize" | "maximumBatchingWindowSeconds" | "maximumConcurrency">>> = {
  requests: { batchSize: 10, maximumBatchingWindowSeconds: 0, maximumConcurrency: 2 },
  stateChanges: { batchSize: 1000, maximumBatchingWindowSeconds: 3, maximumConcurrency: 2 },
};

/**
 * The same for those that are alike.
 *
 * - `maxReceiveCount`: the least that AWS advises. A fifth try comes after 12 minutes, well within the hour for which ECS
 *   shows stopped tasks, and the hours for which it keeps client tokens.
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
  const mostDays = args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  const settings = (kind: Kind): BufferQueue => {
    const [own, asked] = [SETTINGS[kind], given[kind] ?? {}];
    const window = asked.maximumBatchingWindowSeconds ?? own.maximumBatchingWindowSeconds;
    return {
      batchSize: asked.batchSize ?? own.batchSize,
      maximumBatchingWindowSeconds: window,
      maximumConcurrency: asked.maximumConcurrency ?? own.maximumConcurrency,
      maxReceiveCount: asked.maxReceiveCount ?? ALIKE.maxReceiveCount,
      visibilityTimeoutSeconds: asked.visibilityTimeoutSeconds ?? leastVisibilityTimeout(timeout, window),
      retentionDays: asked.retentionDays ?? Math.min(ALIKE.retentionDays, mostDays),
    };
  };
  return { requests: settings("requests"), stateChanges: settings("stateChanges"), drain: given.drain ?? false };
}

/**
 * AWS's figure: it leaves time for Lambda's own tries when the function is throttled. It is also more than the minute
 * after which whatever an invocation gave up has landed (`src/core/decide/timing.rs`), as a timeout has 30 s at least.
 */
export function leastVisibilityTimeout(timeout: number, window: number): number {
  return 6 * timeout + window;
}

/** The most batches at a time, of both queues: they share the function's concurrency. */
export function concurrencyOf(buffer: Buffer): number {
  return buffer.requests.maximumConcurrency + buffer.stateChanges.maximumConcurrency;
}
