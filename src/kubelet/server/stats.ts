import { statfsSync } from 'node:fs'
import { totalmem } from 'node:os'
import { formatTime } from '#meta'
import { type GroupUsage, type InterfaceUsage, readInterfaces } from '../node/cgroup-usage.ts'
import { answerJson, type Endpoint, type Exchange, fail } from './endpoint.ts'
import { type PodUsage, podUsages } from './usage.ts'

/** `/stats/summary`, as `stats.Summary` of upstream's kubelet/v1alpha1 (https://kubernetes.io/docs/reference/instrumentation/node-metrics/). */
export const stats: Endpoint = {
  path: 'stats',
  async handle(exchange) {
    if (exchange.parts.join('/') !== 'summary') return fail(exchange, 404, '404 page not found')
    const small = exchange.query.get('only_cpu_and_memory') === 'true'
    const { view, clock } = exchange
    const time = formatTime(clock.now())
    const usages = podUsages(view)
    answerJson(exchange, {
      node: await nodeStats(exchange, time, small),
      pods: usages.map((each) => podStats(each, exchange, time, small)),
    })
  },
}

async function nodeStats({ view, runtime }: Exchange, time: string, small: boolean): Promise<object> {
  const usage = view.usage(undefined)
  const shared = {
    nodeName: view.nodeName,
    startTime: formatTime(view.startedAtMs),
    ...usageStats('node', usage, view, time, totalmem()),
  }
  if (small) return shared
  const { mountpoint } = await runtime.imageFilesystem().catch(() => ({ mountpoint: '' }))
  return {
    ...shared,
    network: networkStats(readInterfaces('self'), time),
    fs: filesystemStats(view.rootDirectory, time),
    ...(mountpoint !== '' && {
      runtime: { imageFs: filesystemStats(mountpoint, time), containerFs: filesystemStats(mountpoint, time) },
    }),
  }
}

function podStats({ pod, usage, sandbox, containers }: PodUsage, { view }: Exchange, time: string, small: boolean): object {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  const process = sandbox?.process
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? null,
    containers: containers.map((container) => ({
      name: container.name,
      startTime: formatTime(container.startedAtMs),
      ...usageStats(`${uid}/${container.id}`, container.usage, view, time, container.usage?.memoryLimitBytes),
    })),
    ...usageStats(uid, usage, view, time, usage?.memoryLimitBytes),
    ...(!small && process !== undefined && { network: networkStats(readInterfaces(process), time) }),
  }
}

function usageStats(
  key: string,
  usage: GroupUsage | undefined,
  view: Exchange['view'],
  time: string,
  limitBytes: number | undefined,
): object {
  if (usage === undefined) return {}
  const { memoryBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults, cpuNanoseconds } = usage
  const usageNanoCores = view.nanoCores(key, cpuNanoseconds)
  return {
    cpu: { time, ...(usageNanoCores !== undefined && { usageNanoCores }), usageCoreNanoSeconds: cpuNanoseconds },
    memory: {
      time,
      ...(limitBytes !== undefined && { availableBytes: Math.max(0, limitBytes - workingSetBytes) }),
      usageBytes: memoryBytes,
      workingSetBytes,
      rssBytes,
      pageFaults,
      majorPageFaults,
    },
  }
}

/** The first interface stands for all, as upstream's. */
function networkStats(interfaces: readonly InterfaceUsage[], time: string): object {
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({ name, rxBytes, rxErrors, txBytes, txErrors }))
  return { time, ...all[0], interfaces: all }
}

function filesystemStats(path: string, time: string): object {
  try {
    const { blocks, bavail, bfree, bsize, files, ffree } = statfsSync(path)
    return {
      time,
      availableBytes: bavail * bsize,
      capacityBytes: blocks * bsize,
      usedBytes: (blocks - bfree) * bsize,
      inodesFree: ffree,
      inodes: files,
      inodesUsed: files - ffree,
    }
  } catch {
    return { time }
  }
}
