import { type Container, isSidecar, type Pod } from '#api'
import { orAborted, runHook } from '../containers/hooks.ts'
import type { ContainerStatus } from '../runtimes/runtime.ts'
import type { ObservedPod } from './observe.ts'
import type { PodDependencies } from './pod-context.ts'

type Dependencies = Pick<PodDependencies, 'runtime' | 'clock' | 'recorder' | 'prober' | 'log'>

/** Stops everything of a pod that runs: containers together, sidecars after them in reverse order, all within the grace; then the sandbox. */
export async function killPod(
  pod: Pod,
  observed: ObservedPod,
  graceSeconds: number,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, runtime } = dependencies
  const endMs = clock.now() + graceSeconds * 1000
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
  const running = [...observed.containers].flatMap(([name, [newest]]) =>
    newest?.state === 'RUNNING' || newest?.state === 'CREATED' ? [{ name, status: newest }] : [],
  )
  const remaining = (): number => Math.max(0, Math.ceil((endMs - clock.now()) / 1000))
  const main = running.filter(({ name }) => !sidecars.includes(name))
  await Promise.all(
    main.map(({ name, status }) =>
      killContainer(pod, containerNamed(pod, name), status, { graceSeconds, reason: undefined, observed }, dependencies, signal),
    ),
  )
  for (const name of sidecars.reverse()) {
    const sidecar = running.find((each) => each.name === name)
    if (sidecar !== undefined)
      await killContainer(
        pod,
        containerNamed(pod, name),
        sidecar.status,
        { graceSeconds: remaining(), reason: undefined, observed },
        dependencies,
        signal,
      )
  }
  for (const { id, state } of observed.sandboxes) if (state === 'READY') await runtime.stopPodSandbox(id)
}

export interface KillOptions {
  readonly graceSeconds: number
  /** Why, when it is not the pod's end. */
  readonly reason: string | undefined
  readonly observed: ObservedPod
}

/** The preStop hook, then the stop signal, then SIGKILL once the grace is over. */
export async function killContainer(
  pod: Pod,
  container: Container | undefined,
  status: ContainerStatus,
  { graceSeconds, reason, observed }: KillOptions,
  { runtime, clock, recorder, prober, log }: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const name = container?.name ?? status.metadata.name
  const endMs = clock.now() + graceSeconds * 1000
  recorder.event(pod, 'Normal', 'Killing', reason ?? `Stopping container ${name}`)
  prober.forget(status.id)
  const hook = container?.lifecycle?.preStop
  if (hook !== undefined && status.state === 'RUNNING' && graceSeconds > 0) {
    const expired = new AbortController()
    using _timer = clock.after(graceSeconds * 1000, () => expired.abort(new Error('the grace period is over')))
    const podIP = observed.sandboxes[0]?.ips[0] ?? ''
    try {
      await runHook(
        hook,
        { container: container!, containerId: status.id, podIP },
        { runtime, clock, signal: AbortSignal.any([signal, expired.signal]) },
      )
    } catch (error) {
      signal.throwIfAborted()
      log.debug('A preStop hook failed', { pod: pod.metadata?.name, container: name, error })
      if (!expired.signal.aborted) recorder.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed')
    }
  }
  // A hook that used up the grace still leaves two seconds, as upstream does.
  const leftSeconds = graceSeconds === 0 ? 0 : Math.max(2, Math.ceil((endMs - clock.now()) / 1000))
  // Whoever is in more of a hurry stops it again, with less grace.
  await orAborted(runtime.stopContainer(status.id, leftSeconds), signal)
}

export const containerNamed = (pod: Pod, name: string): Container | undefined =>
  [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
    ...((pod.spec?.ephemeralContainers ?? []) as Container[]),
  ].find((container) => container.name === name)
