/** How many calls a second one instance of the function makes: the rules of `src/pace.rs`. */

const OPERATIONS = [
  "RunTask",
  "StopTask",
  "DescribeTasks",
  "ListTasks",
  "RegisterTargets",
  "DeregisterTargets",
  "DescribeTargetHealth",
  "DescribeTargetGroups",
];
const MOST = 1000;
const LEAST = 0.1;

/** What is wrong with `RunTask=10,RegisterTargets+DeregisterTargets=2:10`, if anything is. */
export function apiRates(text: string): string | undefined {
  const given = new Set<string>();
  for (const part of text.split(",")) {
    const [, names, rate, burst] = /^([^=]*)=([0-9.]+)(?::([0-9]+))?$/.exec(part.trim()) ?? [];
    if (names === undefined || rate === undefined) {
      return "each rate must be operations and calls a second, as in RunTask=10 or RegisterTargets+DeregisterTargets=2:10";
    }
    for (const name of names.split("+").map((one) => one.trim())) {
      if (!OPERATIONS.includes(name)) return `${name} has no rate: it must be one of ${OPERATIONS.join(", ")}`;
      if (given.has(name)) return `${name} is given twice`;
      given.add(name);
    }
    if (!(Number(rate) >= LEAST && Number(rate) <= MOST)) return `${rate} must be a number from ${LEAST} to ${MOST}`;
    if (burst !== undefined && !(Number(burst) >= 1 && Number(burst) <= MOST)) {
      return `${burst} must be a number of calls at once, from 1 to ${MOST}`;
    }
  }
  return undefined;
}
