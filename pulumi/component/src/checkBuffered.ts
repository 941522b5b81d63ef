/** Checks the settings of the queues between the rules and the function. */

import { type BufferedArgs, type BufferQueueArgs, DEFAULTS } from "./arguments";
import { bufferOf, type BufferQueue, concurrencyOf, KINDS, minVisibilityTimeout } from "./buffered";
import { Fields } from "./catalog/fields";
import { isObject, UNKNOWN } from "./known";
import type { Problems } from "./problems";

/** Messages of one batch without a window. */
const MAX_AT_ONCE = 10;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html */
const MAX_VISIBILITY_SECONDS = 43_200;
const MAX_DAYS = 14;
const SECONDS_PER_DAY = 86_400;

/** Every problem in `buffered`, and between it and what it depends on. */
export function checkBuffered(outer: Fields, problems: Problems): void {
  const value = outer.raw("buffered");
  if (value === undefined || value === UNKNOWN || value === false) return;
  if (value !== true && !isObject(value)) {
    problems.invalid(outer.at("buffered"), value, "must be true, false or an object of settings");
    return;
  }
  const fields = Fields.of(value === true ? {} : value, outer.at("buffered"), problems);
  if (fields === undefined) return;
  const buffered: BufferedArgs = given({
    requests: queue(fields, "requests", problems),
    stateChanges: queue(fields, "stateChanges", problems),
    drain: fields.flag("drain"),
  });
  fields.denyUnknown();
  const timeout = number(outer, "timeout") ?? DEFAULTS.timeout;
  const queueRetentionDays = number(outer, "queueRetentionDays") ?? DEFAULTS.queueRetentionDays;
  const buffer = bufferOf({ buffered, timeout, queueRetentionDays });
  if (buffer === undefined) return;
  for (const kind of KINDS) checkTogether(buffer[kind], fields.at(kind), { timeout, queueRetentionDays }, problems);
  const [reserved, needed] = [number(outer, "reservedConcurrency"), concurrencyOf(buffer)];
  // 0 stops the function, whatever its queues would need.
  if (reserved !== undefined && reserved > 0 && needed > reserved) {
    const rule = `must be at least ${needed}, the maximumConcurrency of both queues: Lambda would throttle the rest`;
    problems.invalid(outer.at("reservedConcurrency"), reserved, rule);
  }
}

/** The valid settings of one queue. */
function queue(outer: Fields, name: string, problems: Problems): BufferQueueArgs | undefined {
  const value = outer.raw(name);
  const fields = value === undefined ? undefined : Fields.of(value, outer.at(name), problems);
  if (fields === undefined) return undefined;
  const settings = given<BufferQueueArgs>({
    batchSize: fields.number("batchSize", 1, 10_000),
    maximumBatchingWindowSeconds: fields.number("maximumBatchingWindowSeconds", 0, 300),
    maximumConcurrency: fields.number("maximumConcurrency", 2, 1000),
    maxReceiveCount: fields.number("maxReceiveCount", 5, 1000),
    visibilityTimeoutSeconds: fields.number("visibilityTimeoutSeconds", 1, MAX_VISIBILITY_SECONDS),
    retentionDays: fields.number("retentionDays", 1, MAX_DAYS),
  });
  fields.denyUnknown();
  return settings;
}

/** Without values that are absent, or reported already. */
function given<T extends object>(settings: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(settings).filter(([, setting]) => setting !== undefined)) as T;
}

/** Checks whether settings that are valid by themselves fit together. */
function checkTogether(
  buffer: BufferQueue,
  place: string,
  by: { readonly timeout: number; readonly queueRetentionDays: number },
  problems: Problems,
): void {
  const invalid = (name: keyof BufferQueue, rule: string): void => {
    problems.invalid(`${place}.${name}`, buffer[name], rule);
  };
  const window = buffer.maximumBatchingWindowSeconds;
  if (buffer.batchSize > MAX_AT_ONCE && window < 1) {
    invalid("maximumBatchingWindowSeconds", `must be at least 1 where batchSize is more than ${MAX_AT_ONCE}`);
  }
  const min = minVisibilityTimeout(by.timeout, window);
  if (buffer.visibilityTimeoutSeconds < min) {
    invalid("visibilityTimeoutSeconds", `must be at least ${min}: six times the timeout of ${by.timeout} s, and the window`);
  }
  if (buffer.retentionDays > by.queueRetentionDays) {
    const rule = `must be at most queueRetentionDays, ${by.queueRetentionDays}`;
    invalid("retentionDays", `${rule}: messages keep their age in the dead-letter queue`);
  }
  const tries = buffer.maxReceiveCount * buffer.visibilityTimeoutSeconds;
  if (tries >= buffer.retentionDays * SECONDS_PER_DAY) {
    invalid("maxReceiveCount", `takes ${tries} s, and the queue keeps messages for ${buffer.retentionDays} days only`);
  }
}

/** A number of the arguments; its range is checked elsewhere. */
function number(fields: Fields, name: string): number | undefined {
  const value = fields.raw(name);
  return typeof value === "number" ? value : undefined;
}
