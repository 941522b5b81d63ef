/**
 * Runs the unmodified program for a provider in another process, the demo's: `node --import tsx tests/deploy.ts CONFIG`,
 * with the configuration as JSON.
 *
 * Each request of the program is a line on standard output, `{"create": {type, name, inputs}}` or
 * `{"invoke": {token, args}}`; its answer is the next line on standard input, `{"created": {id, state}}`,
 * `{"answer": {...}}` or `{"error": "..."}`. The last line is `{"run": ...}`: how it ended. Must not know AWS.
 */

import { createInterface } from "node:readline";

import { type Created, type Fields, type Provider, run } from "./support/monitor";

type Answer = { readonly created: Created } | { readonly answer: Fields } | { readonly error: string };

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

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function providerBehind(pipe: Pipe): Provider {
  return {
    create: async (type, name, inputs) => {
      const answer = await pipe.ask({ create: { type, name, inputs } });
      if ("created" in answer) return answer.created;
      throw new Error(problemIn(answer));
    },
    invoke: async (token, args) => {
      const answer = await pipe.ask({ invoke: { token, args } });
      if ("answer" in answer) return answer.answer;
      throw new Error(problemIn(answer));
    },
  };
}

function problemIn(answer: Answer): string {
  return "error" in answer ? answer.error : `the provider gave another answer: ${JSON.stringify(answer)}`;
}

async function main(): Promise<void> {
  const config = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
  const { exitCode, registrations, outputs, errors } = await run({ preview: false, config, provider: providerBehind(new Pipe()) });
  say({ run: { exitCode, urns: registrations.map(({ urn }) => urn), outputs, errors } });
}

void main().then(() => process.exit(0));
