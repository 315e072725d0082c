import type { Clock } from '#base'
import type { Cgroups } from './node/cgroups.ts'
import type { PodWorker } from './pods/pod-worker.ts'
import type { PodWorkers } from './pods/pod-workers.ts'
import type { Runtime } from './runtimes/runtime.ts'
import { CpuRates } from './server/cpu-rates.ts'
import type { KubeletView, RunningPod } from './server/endpoint.ts'

interface ViewOptions {
  readonly nodeName: string
  readonly rootDirectory: string
  readonly podLogs: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly resolvConf?: string
  readonly staticPodPath?: string | undefined
  readonly clock: Clock
}

/** What the server may see of a kubelet. */
export function kubeletView(
  { nodeName, rootDirectory, podLogs, clusterDNS, clusterDomain, resolvConf, staticPodPath, clock }: ViewOptions,
  { workers, cgroups, endings }: { readonly workers: PodWorkers; readonly cgroups: Cgroups; readonly endings: Endings },
): KubeletView {
  const find = (namespace: string, name: string): PodWorker | undefined => workers.find(`${namespace}/${name}`)
  const rates = new CpuRates(clock)
  return {
    nodeName,
    startedAtMs: clock.now(),
    rootDirectory: rootDirectory,
    running: () => [...workers].flatMap(runningPod),
    usage: (pod, containerId) => cgroups.usage(pod, containerId),
    groupOf: (pod) => cgroups.groupOf(pod),
    nanoCores: (key, nanoseconds) => rates.note(key, nanoseconds),
    pods: () => [...workers].map(({ pod }) => pod),
    pod: (namespace, name) => find(namespace, name)?.pod,
    container: (namespace, pod, container) => {
      const status = find(namespace, pod)?.observed.containers.get(container)?.[0]
      return status && { id: status.id, running: status.state === 'RUNNING' }
    },
    containerById: (namespace, pod, id) => {
      const all = [...(find(namespace, pod)?.observed.containers.values() ?? [])].flat()
      const status = all.find((each) => each.id === id)
      return status && { id, logPath: status.logPath, running: status.state === 'RUNNING' }
    },
    sandbox: (namespace, pod) => find(namespace, pod)?.observed.sandboxes.find(({ state }) => state === 'READY')?.id,
    ended: (containerId) => endings.of(containerId),
    configuration: () => ({
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      nodeName,
      clusterDNS: [clusterDNS],
      clusterDomain,
      resolvConf: resolvConf ?? '/etc/resolv.conf',
      podLogsDir: podLogs,
      staticPodPath: staticPodPath ?? '',
    }),
  }
}

/** Who waits for the end of a container. */
export class Endings {
  readonly #runtime: Pick<Runtime, 'containerStatus'>
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(runtime: Pick<Runtime, 'containerStatus'>) {
    this.#runtime = runtime
  }

  /** Resolves when the container has ended. */
  of(containerId: string): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#waiting.set(containerId, [...(this.#waiting.get(containerId) ?? []), resolve])
      this.look()
    })
  }

  /** Something happened: asks the runtime whose end it was. */
  look(): void {
    for (const [id, resolvers] of [...this.#waiting]) {
      void this.#runtime.containerStatus(id).then(
        ({ state }) => state !== 'RUNNING' && this.#end(id, resolvers),
        () => this.#end(id, resolvers),
      )
    }
  }

  #end(id: string, resolvers: readonly (() => void)[]): void {
    this.#waiting.delete(id)
    for (const resolve of resolvers) resolve()
  }
}

/** None while it has no sandbox. */
function runningPod({ pod, observed }: PodWorker): RunningPod[] {
  const sandbox = observed.sandboxes.find(({ state }) => state === 'READY')
  if (sandbox === undefined) return []
  const containers = [...observed.containers].flatMap(([name, [newest]]) =>
    newest?.state === 'RUNNING' ? [{ name, id: newest.id, image: newest.image, startedAtMs: newest.startedAtMs }] : [],
  )
  return [{ pod, sandboxId: sandbox.id, containers }]
}
