import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { seededRandom } from '#base'
import { buildTestImages } from '../images/build.ts'
import { Machine } from './machine.ts'

/** More with T8S_KILL_ROUNDS for a soak: `T8S_KILL_ROUNDS=20 node --conditions=source --test test/e2e/kill.test.ts`. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 4)
const VICTIMS = [['server'], ['node-1'], ['server', 'node-1']] as const
const WRITES_BEFORE_KILL_MAX = 600

test(`kill -9 of a cluster's processes under load loses no write and no container (${ROUNDS} rounds)`, {
  timeout: 120_000 + ROUNDS * 60_000,
}, async (context) => {
  await using machine = new Machine('kill')
  const random = seededRandom(5)
  await machine.t8s('up')
  await machine.t8s('image', 'load', ...(await buildTestImages(machine.directory)))
  await machine.kubectl('apply', '-f', 'examples/web.yaml')
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
  const containers = await containersOf(machine)
  await using writer = new Writer(machine)
  for (let round = 0; round < ROUNDS; round++) {
    await writer.acknowledges(1 + random.int(WRITES_BEFORE_KILL_MAX))
    const victims = VICTIMS[round % VICTIMS.length]!
    for (const victim of victims) await machine.kill9(victim)
    await machine.t8s('up')
    const known = writer.acknowledged()
    const found = await valuesOf(machine)
    assert.deepEqual(
      [...known].filter(([name, value]) => !isAtLeast(found.get(name), value)),
      [],
      `round ${round}, after the end of ${victims.join(' and ')}`,
    )
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.deepEqual(await containersOf(machine), containers)
  }
  context.diagnostic(`${writer.acknowledged().size} objects with acknowledged writes in ${ROUNDS} rounds, none lost`)
})

/** A writer's last word is the least that must be there: its next write may have been done without being acknowledged. */
const isAtLeast = (found: string | undefined, acknowledged: string): boolean =>
  found === 'second' || (found === 'first' && acknowledged !== 'second')

async function valuesOf(machine: Machine): Promise<Map<string, string>> {
  const list = JSON.parse(await machine.kubectl('get', '--raw', '/api/v1/namespaces/default/configmaps')) as {
    items: { metadata: { name: string }; data: { value: string } }[]
  }
  return new Map(list.items.map(({ metadata, data }) => [metadata.name, data.value]))
}

/** Container ids with their restart counts. */
async function containersOf(machine: Machine): Promise<string[]> {
  const path = '{range .items[*].status.containerStatuses[*]}{.containerID} {.restartCount}{"\\n"}{end}'
  return (await machine.kubectl('get', 'pods', '-l', 'app=web', '-o', `jsonpath=${path}`)).split('\n').sort()
}

/** The process of cluster-writer.ts, and what it said. */
class Writer implements AsyncDisposable {
  readonly #process: ReturnType<Machine['talking']>
  #lines = 0
  #text = ''
  #wake = (): void => {}

  constructor(machine: Machine) {
    const script = join(import.meta.dirname, 'cluster-writer.ts')
    this.#process = machine.talking(
      (text) => this.#hear(text),
      process.execPath,
      '--conditions=source',
      script,
      join(machine.data, 'kubeconfig'),
    )
  }

  /** Resolves once that many further writes were acknowledged. */
  async acknowledges(count: number): Promise<void> {
    const enough = this.#lines + count
    while (this.#lines < enough) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  /** The last word on each object. */
  acknowledged(): Map<string, string> {
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n') + 1)
    return new Map(
      whole
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ') as [string, string]),
    )
  }

  #hear(text: string): void {
    this.#text += text
    this.#lines += text.split('\n').length - 1
    this.#wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
