/**
 * The chart of `start-engines trace --output mermaid`, read by Mermaid's own parser. `fixtures/trace.mmd` is what the command
 * prints: `src/cli/trace/trace_tests.rs` compares them.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

const CHART = readFileSync(path.join(__dirname, "../../fixtures/trace.mmd"), "utf8");

/** What the parser has read of one bar. */
interface Bar {
  readonly task: string;
  readonly section: string;
  readonly startTime: Date;
  readonly endTime: Date;
  readonly crit?: boolean;
  readonly milestone?: boolean;
}

/** What it has read of a chart. */
interface Gantt {
  readonly getDiagramTitle: () => string;
  readonly getSections: () => string[];
  readonly getTasks: () => Bar[];
}

async function mermaid() {
  const purify = (await import("dompurify")).default;
  // They need a browser, and change only what is drawn: the parser is what is tested here.
  Object.assign(purify, { addHook: () => undefined, sanitize: (text: string) => text });
  return (await import("mermaid")).default;
}

async function read(chart: string): Promise<Gantt> {
  const parser = await mermaid();
  // The first parse loads the kinds of diagrams.
  await parser.parse(chart);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- `parse` tells only whether a text is a chart, not what is in it
  const diagram = await parser.mermaidAPI.getDiagramFromText(chart);
  assert.equal(diagram.type, "gantt");
  return diagram.db as unknown as Gantt;
}

test("Mermaid reads the chart of a story: its title, a section for the start and for each task, a bar for each step", async () => {
  const chart = await read(CHART);
  assert.equal(chart.getDiagramTitle(), "Task 00000000000000000000000000000001 service auth");
  assert.deepEqual(chart.getSections(), ["start", "task 00000000"]);
  const bars = chart.getTasks();
  const lines = CHART.split("\n").filter((line) => line.includes(" :"));
  assert.equal(bars.length, lines.length);
  const seconds = (bar: Bar) => (bar.endTime.getTime() - bar.startTime.getTime()) / 1000;
  const pulled = bars.find((bar) => bar.task.startsWith("pull ended"));
  assert.ok(pulled !== undefined && seconds(pulled) === 18, JSON.stringify(bars));
  assert.equal(pulled.startTime.toISOString(), "2026-11-20T07:00:09.000Z");
  const failed = bars.filter((bar) => bar.crit === true);
  assert.deepEqual(failed.map((bar) => bar.task.split(" ").slice(0, 2).join(" ")), ["START FAILED"]);
  assert.equal(bars[0]?.milestone, true);
});

test("what is no chart is refused, so that the parser is known to look", async () => {
  const parser = await mermaid();
  for (const wrong of [CHART.replace("gantt", "gant"), CHART.replace(":crit, ", "crit ")]) {
    assert.notEqual(wrong, CHART);
    await assert.rejects(parser.parse(wrong), /arse error|No diagram type|UnknownDiagram/);
  }
});
