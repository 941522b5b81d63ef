import assert from "node:assert/strict";
import { test } from "node:test";

import { scheduleExpression, scheduleWarnings } from "../component/src/schedules";

test("what Scheduler takes is no problem", () => {
  const sound = [
    "rate(1 minute)",
    "rate(1 minutes)",
    "rate(1 hours)",
    "rate(31 days)",
    "at(2028-02-29T23:59:59)",
    "cron(0 7 ? * MON-FRI *)",
    "cron(15 10 ? * 6L 2027-2028)",
    "cron(0 12 * * ? *)",
    "cron(0/15 8-17,22-2 L JAN,mar-5 ? *)",
    "cron(59 23 31W 12 ? 2199)",
    "cron(0 0 ? * 7#5 1970/10)",
    "cron(*/10 * ? * SAT-SUN *)",
  ];
  for (const text of sound) assert.equal(scheduleExpression(text), undefined, text);
});

test("what Scheduler refuses is a problem, with the field that it is about", () => {
  const cases: [text: string, says: string][] = [
    ["hourly", "must be cron(six fields), rate("],
    ["cron(0 7 * * MON)", "cron has six fields"],
    ["cron(0 7  ? * MON *)", "cron has six fields"],
    ["cron(0 7 * * * *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(0 7 1 * MON *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(0 7 ? * ? *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(60 7 ? * MON *)", "minutes cannot be 60: it has 0 to 59"],
    ["cron(0 24 ? * MON *)", "hours cannot be 24: it has 0 to 23"],
    ["cron(0 8-24 ? * MON *)", "hours cannot be 8-24"],
    ["cron(0 7 32 * ? *)", "day-of-month cannot be 32: it has 1 to 31"],
    ["cron(0 7 0W * ? *)", "day-of-month cannot be 0W"],
    ["cron(0 7 1 13 ? *)", "month cannot be 13: it has 1 to 12 or JAN to DEC"],
    ["cron(0 7 ? * 0 *)", "day-of-week cannot be 0: it has 1 to 7 or SUN to SAT"],
    ["cron(0 7 ? * MON#6 *)", "day-of-week cannot be MON#6"],
    ["cron(0 7 ? * MONDAY *)", "day-of-week cannot be MONDAY"],
    ["cron(0 7 ? * MON 2200)", "year cannot be 2200: it has 1970 to 2199"],
    ["cron(0 7 ? * MON ?)", "year cannot be ?"],
    ["cron(0/0 7 ? * MON *)", "minutes cannot be 0/0"],
    ["cron(*-5 7 ? * MON *)", "minutes cannot be *-5"],
    ["cron(0, 7 ? * MON *)", "minutes cannot be :"],
    ["rate(0 hours)", "a rate is a number above 0"],
    ["rate(2 weeks)", "a rate is a number above 0"],
    ["at(2027-02-29T07:00:00)", "at has a date and a time that exist"],
    ["at(2027-01-31T24:00:00)", "at has a date and a time that exist"],
    ["at(2027-01-31 07:00:00)", "at has a date and a time that exist"],
  ];
  for (const [text, says] of cases) {
    const problem = scheduleExpression(text);
    assert.ok(problem?.includes(says), `${text}: ${problem ?? "no problem"}`);
  }
});

test("a time that is over is warned of, by the clock of its time zone", () => {
  const warned = (start: string, timezone: string) =>
    scheduleWarnings({ schedules: { once: { service: "auth", start, timezone } } }, new Date("2027-01-31T06:30:00Z"));
  assert.deepEqual(warned("at(2027-01-31T07:00:00)", "Europe/Berlin"), [
    'args.schedules.once.start = "at(2027-01-31T07:00:00)": is over, it will never come',
  ]);
  assert.deepEqual(warned("at(2027-01-31T07:00:00)", "UTC"), []);
  assert.deepEqual(warned("at(2027-01-31T01:00:00)", "America/New_York").length, 1);
  assert.deepEqual(warned("at(2027-01-31T02:00:00)", "America/New_York"), []);
  assert.deepEqual(warned("rate(1 day)", "UTC"), []);
});

test("reconciles that come less than hourly are warned of", () => {
  const isWarned = (reconcileSchedule: string) => scheduleWarnings({ reconcileSchedule }, new Date()).length === 1;
  const rare = [
    "rate(61 minutes)",
    "rate(2 hours)",
    "rate(1 day)",
    "at(2099-01-01T00:00:00)",
    "cron(0 7 ? * MON-FRI *)",
    "cron(0 */2 * * ? *)",
    "cron(0 * ? * MON-FRI *)",
    "cron(0 * * JAN ? *)",
    "cron(0 1-23 * * ? *)",
  ];
  const often = [
    "off",
    "rate(30 minutes)",
    "rate(1 hour)",
    "rate(60 minutes)",
    "cron(0 * * * ? *)",
    "cron(0/20 0-23 ? * * *)",
    "cron(0 12-11 ? * * *)",
    "cron(0 0/2,1/2 ? * * *)",
  ];
  for (const text of rare) assert.ok(isWarned(text), text);
  for (const text of often) assert.ok(!isWarned(text), text);
  assert.deepEqual(scheduleWarnings({}, new Date()), []);
});
