/**
 * The times of EventBridge Scheduler's cron expressions: what their fields may be, and at which hours they are.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
 */

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of values, of which the first is `min`. */
  readonly names: readonly string[];
  /** What else an item may be. */
  readonly special?: RegExp;
}

const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const HOURS: Field = { name: "hours", min: 0, max: 23, names: [] };
const FIELDS: readonly Field[] = [
  { name: "minutes", min: 0, max: 59, names: [] },
  HOURS,
  { name: "day-of-month", min: 1, max: 31, names: [], special: /^(?:L|(?:[1-9]|[12][0-9]|3[01])W)$/ },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day-of-week", min: 1, max: 7, names: DAYS, special: /^(?:[1-7]?L|[1-7]#[1-5])$/ },
  { name: "year", min: 1970, max: 2199, names: [] },
];
/** No particular day: the other field has it. */
const NONE = "?";

/** What is wrong with the six fields of a cron expression, or undefined. */
export function cronProblem(text: string): string | undefined {
  const parts = text.split(" ");
  if (parts.length !== FIELDS.length) {
    return "cron has six fields: minutes, hours, day-of-month, month, day-of-week and year";
  }
  const [, , dayOfMonth, , dayOfWeek] = parts;
  if ((dayOfMonth === NONE) === (dayOfWeek === NONE)) return "exactly one of day-of-month and day-of-week must be ?";
  for (const [n, field] of FIELDS.entries()) {
    const part = parts[n] ?? "";
    const isNone = part === NONE && field.special !== undefined;
    const wrong = isNone ? undefined : part.split(",").find((item) => !isSound(item, field));
    if (wrong !== undefined) return `${field.name} cannot be ${wrong}: ${rangeOf(field)}`;
  }
  return undefined;
}

/** Whether a sound cron expression comes every hour of every day. */
export function isHourly(text: string): boolean {
  const [, hours = "", dayOfMonth = "", month, dayOfWeek = "", year] = text.split(" ");
  const everyDay = ["*", NONE].includes(dayOfMonth) && ["*", NONE].includes(dayOfWeek) && month === "*" && year === "*";
  const given = new Set(hours.split(",").flatMap((item) => expanded(item, HOURS)));
  return everyDay && given.size === HOURS.max - HOURS.min + 1;
}

function rangeOf({ min, max, names, special }: Field): string {
  const words = names.length === 0 ? "" : ` or ${names[0] ?? ""} to ${names.at(-1) ?? ""}`;
  return `it has ${min} to ${max}${words}, with , - * and /${special === undefined ? "" : ", or what Scheduler knows for days"}`;
}

/** `*`, a value or a range, each perhaps with a step. */
function split(item: string, field: Field) {
  const [, first = "", last, step] = /^([^-/]+)(?:-([^-/]+))?(?:\/([0-9]+))?$/.exec(item) ?? [];
  return {
    isAny: first === "*" && last === undefined,
    first: valueOf(first, field),
    last: last === undefined ? undefined : valueOf(last, field),
    hasLast: last !== undefined,
    step: step === undefined ? undefined : Number(step),
  };
}

function isSound(item: string, field: Field): boolean {
  if (field.special?.test(item) === true) return true;
  const { isAny, first, last, hasLast, step } = split(item, field);
  const soundValues = isAny || (first !== undefined && (!hasLast || last !== undefined));
  return soundValues && (step === undefined || (step >= 1 && step <= field.max));
}

function valueOf(text: string, { min, max, names }: Field): number | undefined {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return min + named;
  const value = /^[0-9]{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The values of a sound item; a range may begin late and end early, as 22-2 does. */
function expanded(item: string, field: Field): number[] {
  const { isAny, first = field.min, last, step } = split(item, field);
  const from = isAny ? field.min : first;
  const to = last ?? (isAny || step !== undefined ? field.max : from);
  const count = field.max - field.min + 1;
  const length = to >= from ? to - from : to - from + count;
  return Array.from({ length: Math.floor(length / (step ?? 1)) + 1 }, (_, n) => field.min + ((from - field.min + n * (step ?? 1)) % count));
}
