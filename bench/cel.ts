/**
 * What does a rule in the expression language cost, to compile and to evaluate, beside the same rule written by hand in JavaScript?
 * Usage: node --conditions=source bench/cel.ts [evaluations]
 */
import { type CelSchema, kubernetesEnvironment, SchemaTypes, types } from '#cel'

const evaluations = Number(process.argv[2] ?? 20_000)

const text: CelSchema = { type: 'string', maxLength: 64 }
const container: CelSchema = { type: 'object', properties: { name: text, image: text, privileged: { type: 'boolean' } } }
const schema: CelSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        minReplicas: { type: 'integer' },
        replicas: { type: 'integer' },
        maxReplicas: { type: 'integer' },
        containers: { type: 'array', items: container, maxItems: 32 },
        hostname: text,
      },
    },
  },
}
interface Data {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: {
    readonly minReplicas: number
    readonly replicas: number
    readonly maxReplicas: number
    readonly containers: readonly { readonly name: string; readonly image: string; readonly privileged?: boolean }[]
    readonly hostname: string
  }
}
const data: Data = {
  metadata: { name: 'web', labels: { app: 'web', tier: 'front' } },
  spec: {
    minReplicas: 1,
    replicas: 3,
    maxReplicas: 5,
    containers: Array.from({ length: 5 }, (_, at) => ({ name: `c${at}`, image: `registry.example.com/app/c${at}:1` })),
    hostname: 'web-0.example.com',
  },
}

const HOST = /^[a-z0-9.-]+$/
const RULES: readonly (readonly [expression: string, byHand: (data: Data) => boolean])[] = [
  [
    'self.spec.minReplicas <= self.spec.replicas && self.spec.replicas <= self.spec.maxReplicas',
    ({ spec }) => spec.minReplicas <= spec.replicas && spec.replicas <= spec.maxReplicas,
  ],
  [
    "self.spec.containers.all(c, c.image.startsWith('registry.example.com/'))",
    ({ spec }) => spec.containers.every((each) => each.image.startsWith('registry.example.com/')),
  ],
  [
    'self.spec.containers.all(c, !has(c.privileged) || !c.privileged)',
    ({ spec }) => spec.containers.every((each) => each.privileged === undefined || !each.privileged),
  ],
  ["self.spec.hostname.matches('^[a-z0-9.-]+$')", ({ spec }) => HOST.test(spec.hostname)],
  [
    "has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels.app == object.metadata.name",
    ({ metadata }) => metadata.labels !== undefined && 'app' in metadata.labels && metadata.labels['app'] === metadata.name,
  ],
]

const provider = new SchemaTypes()
const self = provider.declare('selfType', schema, true)!
const environment = kubernetesEnvironment().extend({ provider, variables: { self, object: { type: types.dyn } } })

for (const [expression, byHand] of RULES) {
  const compileNs = measure(Math.max(10, evaluations / 100), () => environment.compile(expression).type.kind === 'bool')
  const program = environment.compile(expression)
  const variables = { self: data, object: data }
  const ownNs = measure(evaluations, () => program.evaluate(variables).value === true)
  const handNs = measure(evaluations * 10, () => byHand(data))
  const row = [
    `compile ${(compileNs / 1000).toFixed(0)} µs`,
    `evaluate ${(ownNs / 1000).toFixed(2)} µs`,
    `${(ownNs / handNs).toFixed(0)} × by hand`,
  ]
  console.log(`${row.map((cell) => cell.padEnd(18)).join('')} ${expression}`)
}

/** Nanoseconds a call, once warm. */
function measure(times: number, call: () => boolean): number {
  for (let at = 0; at < times / 2; at++) if (!call()) throw new Error('the rule does not hold')
  const started = process.hrtime.bigint()
  for (let at = 0; at < times; at++) call()
  return Number(process.hrtime.bigint() - started) / times
}
