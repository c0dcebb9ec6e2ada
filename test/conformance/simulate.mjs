// Answers simulations, one JSON document a line, with @cloud-copilot/iam-simulate: a second
// opinion on the evaluation in iam. The engine is AGPL-licensed; it runs here as a process
// of its own, on its own, and is never linked or shipped.
//
//   node simulate.mjs DIRECTORY_WITH_NODE_MODULES < cases.jsonl > answers.jsonl
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'

const engine = createRequire(resolve(process.argv[2], 'package.json'))('@cloud-copilot/iam-simulate')

const answer = async (line) => {
  try {
    const out = await engine.runSimulation(JSON.parse(line), {})
    if (out.resultType === 'error') return { error: JSON.stringify(out.errors) }
    return { result: out.overallResult, ignored: out.result?.ignoredContextKeys ?? [], kind: out.resultType }
  } catch (e) {
    return { error: String(e) }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const text = JSON.stringify(await answer(line)) + '\n'
  if (!process.stdout.write(text)) await new Promise((done) => process.stdout.once('drain', done))
}
