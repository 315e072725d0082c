import { isQuantity, parseQuantity } from '#meta'
import type { Container, PodSpec } from '../generated/types.ts'

const NODE_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

/** What upstream warns of in a pod spec that it accepts. */
export function* podSpecWarnings(spec: PodSpec | undefined, field: string): Iterable<string> {
  if (spec === undefined) return
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    if (NODE_LABELS[key] !== undefined) yield `${field}.nodeSelector[${key}]: ${NODE_LABELS[key]}`
  }
  for (const [key, containers] of [
    ['containers', spec.containers],
    ['initContainers', spec.initContainers],
  ] as const) {
    for (const [index, container] of (containers ?? []).entries()) {
      yield* containerWarnings(container, `${field}.${key}[${index}]`)
    }
  }
  yield* portWarnings(spec.containers ?? [], `${field}.containers`)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    yield `${field}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`
  }
}

function* containerWarnings({ env, resources }: Container, field: string): Iterable<string> {
  const seen = new Set<string>()
  for (const [index, { name }] of (env ?? []).entries()) {
    if (seen.has(name))
      yield `${field}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`
    seen.add(name)
  }
  for (const list of ['limits', 'requests'] as const) {
    for (const resource of ['memory', 'ephemeral-storage']) {
      const value = resources?.[list]?.[resource]
      if (value !== undefined && isQuantity(value) && parseQuantity(value).nanos % 1_000_000_000n !== 0n) {
        yield `${field}.resources.${list}[${resource}]: fractional byte value "${value}" is invalid, must be an integer`
      }
    }
  }
}

/** Two containers of a pod share its address: of two equal ports one is out of reach. */
function* portWarnings(containers: readonly Container[], field: string): Iterable<string> {
  const named = new Map<string, string>()
  const numbered = new Map<string, string>()
  for (const [at, { ports }] of containers.entries()) {
    for (const [index, { name, containerPort, protocol = 'TCP', hostIP = '', hostPort = 0 }] of (ports ?? []).entries()) {
      const path = `${field}[${at}].ports[${index}]`
      const other = name ? named.get(name) : undefined
      if (other !== undefined) {
        yield `${path}: duplicate port name "${name}" with ${other}, services and probes that select ports by name will use ${other}`
      } else if (name) named.set(name, path)
      const identity = `${containerPort}/${protocol}/${hostIP}/${hostPort}`
      if (numbered.has(identity)) yield `${path}: duplicate port definition with ${numbered.get(identity)}`
      else numbered.set(identity, path)
    }
  }
}
