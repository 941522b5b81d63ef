/**
 * Runs the unmodified program for a provider in another process, the demo's: `node --import tsx tests/deploy.ts CONFIG`,
 * with the configuration as JSON; with `preview` behind it, as a preview.
 *
 * Each request of the program is a line on standard output, `{"create": {type, name, inputs}}` or
 * `{"invoke": {token, args}}`; its answer is the next line on standard input, `{"created": {id, state}}` or
 * `{"answer": {...}}`. A provider that cannot answer ends its line, and with it this program. The last line is
 * `{"run": ...}`: how it ended, and what it has registered. Must not know AWS.
 */

import { createInterface } from "node:readline";

import { type Created, type Fields, type Provider, run } from "./support/monitor";

interface Answer {
  readonly created?: Created;
  readonly answer?: Fields;
}

/** Answers come in the order of the requests. */
class Pipe {
  private readonly waiting: ((answer: Answer) => void)[] = [];

  constructor() {
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => this.waiting.shift()?.(JSON.parse(line) as Answer));
    // Nobody is left to answer: what runs for it ends too.
    lines.on("close", () => process.exit(1));
  }

  ask(request: object): Promise<Answer> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      say(request);
    });
  }
}

function say(message: object, written?: () => void): void {
  process.stdout.write(`${JSON.stringify(message)}\n`, written);
}

function providerBehind(pipe: Pipe): Provider {
  return {
    create: async (type, name, inputs) => given((await pipe.ask({ create: { type, name, inputs } })).created),
    invoke: async (token, args) => given((await pipe.ask({ invoke: { token, args } })).answer),
  };
}

function given<T>(answer: T | undefined): T {
  if (answer === undefined) throw new Error("the provider answered something else");
  return answer;
}

async function main(): Promise<void> {
  const config = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
  const preview = process.argv[3] === "preview";
  const ended = await run({ preview, config, provider: providerBehind(new Pipe()) });
  // The line is long: it must be written before the process ends.
  await new Promise<void>((resolve) => {
    say({ run: ended }, resolve);
  });
}

void main().then(() => process.exit(0));
