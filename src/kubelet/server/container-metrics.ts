import { availableParallelism, totalmem } from 'node:os'
import { type GroupUsage, type InterfaceUsage, readInterfaces } from '../node/cgroup-usage.ts'
import type { Exchange } from './endpoint.ts'
import type { Family, Sample } from './exposition.ts'
import { type PodUsage, podUsages } from './usage.ts'

type Reader = { read(usage: GroupUsage): number }['read']

const seconds = ({ cpuNanoseconds }: GroupUsage): number => cpuNanoseconds / 1e9
const workingSet = ({ workingSetBytes }: GroupUsage): number => workingSetBytes

/** `/metrics/resource`: what autoscalers read (https://kubernetes.io/docs/reference/instrumentation/metrics/). */
export function resourceMetrics({ view, clock }: Exchange): Family[] {
  const usages = podUsages(view)
  const node = view.usage(undefined)
  const atMs = clock.now()
  const labelsOf = ({ pod }: PodUsage) => ({ namespace: pod.metadata?.namespace ?? '', pod: pod.metadata?.name ?? '' })
  const ofContainers = (read: Reader): Sample[] =>
    usages.flatMap((each) =>
      each.containers.flatMap(({ name, usage }) =>
        usage === undefined ? [] : [{ labels: { container: name, ...labelsOf(each) }, value: read(usage), atMs }],
      ),
    )
  const ofPods = (read: Reader): Sample[] =>
    usages.flatMap((each) => (each.usage === undefined ? [] : [{ labels: labelsOf(each), value: read(each.usage), atMs }]))
  const ofNode = (read: Reader): Sample[] => (node === undefined ? [] : [{ labels: {}, value: read(node), atMs }])
  const starts = usages.flatMap((each) =>
    each.containers.map(({ name, startedAtMs }) => ({
      labels: { container: name, ...labelsOf(each) },
      value: startedAtMs / 1000,
    })),
  )
  const cpu = (name: string, what: string, samples: Sample[]): Family => ({
    name: `${name}_cpu_usage_seconds_total`,
    help: `[STABLE] Cumulative cpu time consumed by the ${what} in core-seconds`,
    type: 'counter',
    samples,
  })
  const memory = (name: string, what: string, samples: Sample[]): Family => ({
    name: `${name}_memory_working_set_bytes`,
    help: `[STABLE] Current working set of the ${what} in bytes`,
    type: 'gauge',
    samples,
  })
  return [
    cpu('container', 'container', ofContainers(seconds)),
    memory('container', 'container', ofContainers(workingSet)),
    {
      name: 'container_start_time_seconds',
      help: '[STABLE] Start time of the container since unix epoch in seconds',
      type: 'gauge',
      samples: starts,
    },
    cpu('node', 'node', ofNode(seconds)),
    memory('node', 'node', ofNode(workingSet)),
    cpu('pod', 'pod', ofPods(seconds)),
    memory('pod', 'pod', ofPods(workingSet)),
    {
      name: 'resource_scrape_error',
      help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
      type: 'gauge',
      samples: [{ labels: {}, value: 0 }],
    },
  ]
}

const CADVISOR: readonly (readonly [name: string, help: string, type: Family['type'], read: Reader])[] = [
  [
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    'gauge',
    ({ memoryBytes }) => memoryBytes,
  ],
  ['container_memory_working_set_bytes', 'Current working set in bytes.', 'gauge', workingSet],
  ['container_memory_rss', 'Size of RSS in bytes.', 'gauge', ({ rssBytes }) => rssBytes],
  ['container_memory_cache', 'Number of bytes of page cache memory.', 'gauge', ({ cacheBytes }) => cacheBytes],
  [
    'container_spec_memory_limit_bytes',
    'Memory limit for the container.',
    'gauge',
    ({ memoryLimitBytes }) => memoryLimitBytes ?? 0,
  ],
]

const NETWORK: readonly (readonly [name: string, help: string, read: { read(usage: InterfaceUsage): number }['read']])[] = [
  ['container_network_receive_bytes_total', 'Cumulative count of bytes received', ({ rxBytes }) => rxBytes],
  ['container_network_receive_packets_total', 'Cumulative count of packets received', ({ rxPackets }) => rxPackets],
  [
    'container_network_receive_errors_total',
    'Cumulative count of errors encountered while receiving',
    ({ rxErrors }) => rxErrors,
  ],
  ['container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', ({ txBytes }) => txBytes],
  ['container_network_transmit_packets_total', 'Cumulative count of packets transmitted', ({ txPackets }) => txPackets],
  [
    'container_network_transmit_errors_total',
    'Cumulative count of errors encountered while transmitting',
    ({ txErrors }) => txErrors,
  ],
]

/** `/metrics/cadvisor`: the basics, under the names and labels that dashboards ask for. A pod itself has neither container nor image. */
export function cadvisorMetrics({ view, clock }: Exchange): Family[] {
  const usages = podUsages(view)
  const atMs = clock.now()
  const groups = usages.flatMap((each) => groupsOf(each, view.groupOf(each.pod)))
  const all = (read: Reader, more: Readonly<Record<string, string>> = {}): Sample[] =>
    groups.map(({ labels, usage }) => ({ labels: { ...labels, ...more }, value: read(usage), atMs }))
  const networks = usages.flatMap(({ pod, sandbox, sandboxId }) => {
    if (sandbox?.process === undefined || pod.spec?.hostNetwork) return []
    const labels = labelsOf(pod, '', `${view.groupOf(pod)}/${sandboxId}`, '', sandboxId)
    return readInterfaces(sandbox.process).map((counts) => ({ labels: { ...labels, interface: counts.name }, counts }))
  })
  return [
    {
      name: 'container_cpu_usage_seconds_total',
      help: 'Cumulative cpu time consumed in seconds.',
      type: 'counter',
      samples: all(seconds, { cpu: 'total' }),
    },
    ...CADVISOR.map(([name, help, type, read]): Family => ({ name, help, type, samples: all(read) })),
    ...NETWORK.map(
      ([name, help, read]): Family => ({
        name,
        help,
        type: 'counter',
        samples: networks.map(({ labels, counts }) => ({ labels, value: read(counts), atMs })),
      }),
    ),
    {
      name: 'machine_cpu_cores',
      help: 'Number of logical CPU cores.',
      type: 'gauge',
      samples: [{ labels: {}, value: availableParallelism() }],
    },
    {
      name: 'machine_memory_bytes',
      help: 'Amount of memory installed on the machine.',
      type: 'gauge',
      samples: [{ labels: {}, value: totalmem() }],
    },
  ]
}

interface Group {
  readonly labels: Readonly<Record<string, string>>
  readonly usage: GroupUsage
}

function groupsOf({ pod, usage, containers }: PodUsage, path: string): Group[] {
  const own = usage === undefined ? [] : [{ labels: labelsOf(pod, '', path, '', ''), usage }]
  const each = containers.flatMap((container) =>
    container.usage === undefined
      ? []
      : [
          {
            labels: labelsOf(pod, container.name, `${path}/${container.id}`, container.image, container.id),
            usage: container.usage,
          },
        ],
  )
  return [...own, ...each]
}

const labelsOf = ({ metadata }: PodUsage['pod'], container: string, id: string, image: string, name: string) => ({
  container,
  id,
  image,
  name,
  namespace: metadata?.namespace ?? '',
  pod: metadata?.name ?? '',
})
