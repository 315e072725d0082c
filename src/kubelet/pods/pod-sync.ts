import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Container, isSidecar, type Pod, restartsAll, runtimeClasses, shouldRestart } from '#api'
import { containerConfig } from '../containers/container-config.ts'
import { ConfigError, environmentOf } from '../containers/environment.ts'
import type { PodFacts } from '../containers/field-path.ts'
import { orAborted, runHook } from '../containers/hooks.ts'
import { ImageError } from '../containers/images.ts'
import { mountsOf } from '../containers/mounts.ts'
import { CONTAINER_HASH, containerHash } from '../labels.ts'
import { type ContainerStatus, type PodSandboxConfig, type PodSandboxStatus, RuntimeError } from '../runtimes/runtime.ts'
import { type MountedVolume, VolumeError } from '../volumes/index.ts'
import { killContainer } from './kill.ts'
import { type ObservedPod, restartCountOf } from './observe.ts'
import type { PodDependencies } from './pod-context.ts'
import { resizeContainer, resizeNeedsRestart } from './resize.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { previousStatus } from './status.ts'

/** Between attempts to set up volumes, doubling (upstream's operation executor). */
const VOLUME_RETRY_MS_MIN = 500
const VOLUME_RETRY_MS_MAX = 122_000
/** Until a container that could not be made is tried again (upstream's worker back-off). */
const CONTAINER_RETRY_MS = 10_000

interface Ready {
  readonly sandbox: PodSandboxStatus
  readonly config: PodSandboxConfig
  readonly volumes: ReadonlyMap<string, MountedVolume>
  readonly facts: PodFacts
}

/** Makes what a living pod lacks: volumes, sandbox, init containers in turn, containers; restarts what its policy restarts. */
export class PodSync {
  readonly #dependencies: PodDependencies
  /** Of containers that the runtime knows nothing of any more, by name. */
  readonly #restartCounts: ReadonlyMap<string, number>
  /** Why a container does not run, by name; shown as its waiting state. */
  readonly waiting = new Map<string, { readonly reason: string; readonly message?: string | undefined }>()
  /** Why a running container was not given its new resources, by name. */
  readonly resizeErrors = new Map<string, string>()
  runtimeName = ''
  #againAtMs: number | undefined
  #volumeFailures = 0

  constructor(dependencies: PodDependencies, restartCounts: ReadonlyMap<string, number>) {
    this.#dependencies = dependencies
    this.#restartCounts = restartCounts
  }

  async sync(pod: Pod, observed: ObservedPod, signal: AbortSignal): Promise<{ readonly againAtMs: number | undefined }> {
    this.#againAtMs = undefined
    const ready = await this.#prepare(pod, observed)
    if (ready === undefined) return { againAtMs: this.#againAtMs }
    this.#watchProbes(pod, observed, ready)
    // Whoever debugs a pod that does not get past its init containers needs them most.
    for (const container of pod.spec?.ephemeralContainers ?? [])
      await this.#ephemeral(pod, container as Container, observed, ready, signal)
    if (await this.#initContainers(pod, observed, ready, signal))
      for (const container of pod.spec?.containers ?? []) await this.#container(pod, container, observed, ready, signal)
    const renewAtMs = this.#dependencies.volumes.renewAt(pod.metadata?.uid ?? '')
    if (renewAtMs !== undefined) this.#again(renewAtMs)
    return { againAtMs: this.#againAtMs }
  }

  async removeLogs(pod: Pod): Promise<void> {
    if (this.#dependencies.podLogs !== '') rmSync(this.#logDirectory(pod), { recursive: true, force: true })
  }

  async #prepare(pod: Pod, observed: ObservedPod): Promise<Ready | undefined> {
    const { runtime, recorder, volumes, cgroups, clock, log } = this.#dependencies
    if (this.runtimeName === '') this.runtimeName = (await runtime.version()).name
    const running = observed.sandboxes.find(({ state }) => state === 'READY')
    try {
      const paths = await volumes.prepare(pod, this.#facts(pod, running?.ips ?? []))
      this.#volumeFailures = 0
      const cgroupParent = await cgroups.prepare(pod)
      const attempt =
        running?.metadata.attempt ?? (observed.sandboxes[0] === undefined ? 0 : observed.sandboxes[0].metadata.attempt + 1)
      const config = this.#sandboxConfig(pod, attempt, cgroupParent)
      const sandbox = running ?? (await this.#newSandbox(pod, config, observed))
      const facts = this.#facts(pod, sandbox.ips)
      return { sandbox, config, volumes: paths, facts }
    } catch (error) {
      if (error instanceof VolumeError) {
        recorder.event(pod, 'Warning', 'FailedMount', error.message)
        this.#again(clock.now() + Math.min(VOLUME_RETRY_MS_MIN * 2 ** this.#volumeFailures++, VOLUME_RETRY_MS_MAX))
        return undefined
      }
      if (error instanceof RuntimeError) {
        recorder.event(
          pod,
          'Warning',
          'FailedCreatePodSandBox',
          `Failed to create pod sandbox: rpc error: code = ${error.code} desc = ${error.message}`,
        )
        log.warn('A sandbox could not be made', { pod: pod.metadata?.name, error })
      }
      throw error
    }
  }

  async #newSandbox(pod: Pod, config: PodSandboxConfig, observed: ObservedPod): Promise<PodSandboxStatus> {
    const { runtime, recorder } = this.#dependencies
    if (observed.sandboxes.length > 0)
      recorder.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
    for (const { id } of observed.sandboxes) await runtime.stopPodSandbox(id)
    if (config.logDirectory !== '') mkdirSync(config.logDirectory, { recursive: true })
    const id = await runtime.runPodSandbox(config, await this.#runtimeHandler(pod))
    return runtime.podSandboxStatus(id)
  }

  /** https://kubernetes.io/docs/concepts/containers/runtime-class/ */
  async #runtimeHandler(pod: Pod): Promise<string | undefined> {
    const name = pod.spec?.runtimeClassName
    if (!name) return undefined
    const found = await this.#dependencies.client.find(runtimeClasses, name)
    if (found === undefined) throw new RuntimeError('NotFound', `RuntimeClass ${JSON.stringify(name)} not found`)
    return found.handler
  }

  /** Whether every init container has done its part, so that the others may start. */
  async #initContainers(pod: Pod, observed: ObservedPod, ready: Ready, signal: AbortSignal): Promise<boolean> {
    const inits = pod.spec?.initContainers ?? []
    // Once a main container exists, plain init containers are history; sidecars still live.
    const begun = (pod.spec?.containers ?? []).some(({ name }) => observed.containers.has(name))
    for (const container of inits) {
      const newest = observed.containers.get(container.name)?.[0]
      if (isSidecar(container)) {
        await this.#container(pod, container, observed, ready, signal)
        const started = newest?.state === 'RUNNING' && this.#dependencies.prober.isStarted(newest.id, container)
        if (!started && !begun) return false
        continue
      }
      if (begun) continue
      if (newest?.state === 'EXITED' && newest.exitCode === 0) continue
      if (newest?.state === 'RUNNING') return false
      if (newest !== undefined && !shouldRestart(container, pod.spec, newest.exitCode || 1)) return false
      if (newest === undefined || (await this.#mayRestart(pod, container, newest)))
        await this.#start(pod, container, newest, ready, signal)
      return false
    }
    return true
  }

  async #container(pod: Pod, container: Container, observed: ObservedPod, ready: Ready, signal: AbortSignal): Promise<void> {
    const newest = observed.containers.get(container.name)?.[0]
    if (newest === undefined) return this.#start(pod, container, undefined, ready, signal)
    if (newest.state === 'RUNNING') return this.#checkRunning(pod, container, newest, observed, ready, signal)
    if (newest.state === 'CREATED') {
      await this.#dependencies.runtime.removeContainer(newest.id)
      return this.#start(pod, container, undefined, ready, signal)
    }
    this.#dependencies.prober.forget(newest.id)
    // Of a container that the runtime lost nobody knows how it ended.
    const exitCode = newest.state === 'UNKNOWN' ? newest.exitCode || 1 : newest.exitCode
    if (!shouldRestart(container, pod.spec, exitCode)) return
    if (await this.#mayRestart(pod, container, newest)) await this.#start(pod, container, newest, ready, signal)
  }

  async #ephemeral(pod: Pod, container: Container, observed: ObservedPod, ready: Ready, signal: AbortSignal): Promise<void> {
    if (observed.containers.has(container.name)) return
    const target = (container as { targetContainerName?: string }).targetContainerName
    await this.#start(
      pod,
      container,
      undefined,
      ready,
      signal,
      target === undefined ? undefined : observed.containers.get(target)?.[0]?.id,
    )
  }

  async #checkRunning(
    pod: Pod,
    container: Container,
    status: ContainerStatus,
    observed: ObservedPod,
    ready: Ready,
    signal: AbortSignal,
  ): Promise<void> {
    const { prober, allocations } = this.#dependencies
    this.waiting.delete(container.name)
    const failed = prober.failed(status.id, container)
    // A container of an earlier kubelet that kept no record has what it was granted.
    if (allocations.actual(pod.metadata?.uid ?? '', container.name) === undefined) allocations.noteActual(pod, container)
    const resized = allocations.differs(pod, container)
    const restartsForResize = resized && resizeNeedsRestart(pod, container, this.#dependencies)
    const changed =
      restartsForResize ||
      (status.annotations[CONTAINER_HASH] !== undefined && status.annotations[CONTAINER_HASH] !== containerHash(container))
    if (failed === undefined && !changed) {
      if (resized) await this.#resize(pod, container, status)
      return
    }
    const probe = failed === 'startup' ? container.startupProbe : container.livenessProbe
    const reason = restartsForResize
      ? `Container ${container.name} resize requires restart`
      : changed
        ? `Container ${container.name} definition changed, will be restarted`
        : `Container ${container.name} failed ${failed} probe, will be restarted`
    const graceSeconds =
      (changed ? undefined : probe?.terminationGracePeriodSeconds) ?? pod.spec?.terminationGracePeriodSeconds ?? 30
    await killContainer(pod, container, status, { graceSeconds, reason, observed }, this.#dependencies, signal)
    const ended = await this.#dependencies.runtime.containerStatus(status.id)
    // An end that restarts all containers is for the next step, which sees it.
    if (!changed && (restartsAll(container, ended.exitCode) || !shouldRestart(container, pod.spec, ended.exitCode))) return
    if (changed || (await this.#mayRestart(pod, container, ended))) await this.#start(pod, container, ended, ready, signal)
  }

  async #resize(pod: Pod, container: Container, status: ContainerStatus): Promise<void> {
    const { clock, cgroups } = this.#dependencies
    try {
      await resizeContainer(pod, container, status, this.#dependencies)
      this.resizeErrors.delete(container.name)
      // The pod's own group may shrink only after what is in it; it grew before.
      await cgroups.prepare(pod)
    } catch (error) {
      this.resizeErrors.set(container.name, (error as Error).message)
      this.#again(clock.now() + CONTAINER_RETRY_MS)
    }
  }

  /** Whether the back-off since its last end is over; if not, the container waits as CrashLoopBackOff. One that restarts all does not start alone. */
  async #mayRestart(pod: Pod, container: Container, ended: ContainerStatus): Promise<boolean> {
    const { restarts, clock, recorder } = this.#dependencies
    const { uid, name, namespace } = pod.metadata ?? {}
    const waitMs = restarts.remainingMs(`${uid}/${container.name}`, ended.finishedAtMs)
    if (waitMs <= 0) return !restartsAll(container, ended.exitCode)
    const delay = restarts.delayMs(`${uid}/${container.name}`) / 1000
    const printed = delay >= 60 ? `${Math.floor(delay / 60)}m${delay % 60}s` : `${delay}s`
    const what = `container=${container.name} pod=${name}_${namespace}(${uid})`
    if (this.waiting.get(container.name)?.reason !== 'CrashLoopBackOff') {
      recorder.event(
        pod,
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${container.name} in pod ${name}_${namespace}(${uid})`,
      )
    }
    this.waiting.set(container.name, { reason: 'CrashLoopBackOff', message: `back-off ${printed} restarting failed ${what}` })
    this.#again(clock.now() + waitMs)
    return false
  }

  async #start(
    pod: Pod,
    container: Container,
    ended: ContainerStatus | undefined,
    ready: Ready,
    signal: AbortSignal,
    targetId?: string,
  ): Promise<void> {
    const { runtime, clock, recorder, restarts } = this.#dependencies
    const key = `${pod.metadata?.uid}/${container.name}`
    try {
      const id = await this.#create(pod, container, ended, ready, signal, targetId)
      recorder.event(pod, 'Normal', 'Created', `Container created`)
      // Noted before it runs: whatever ends it counts from here. The first restart comes at once.
      if (ended !== undefined) restarts.next(key, clock.now())
      await runtime.startContainer(id)
      this.#dependencies.allocations.noteActual(pod, container)
      recorder.event(pod, 'Normal', 'Started', `Container started`)
      this.waiting.delete(container.name)
      await this.#postStart(pod, container, id, ready, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#explain(pod, container, error)
    }
  }

  async #create(
    pod: Pod,
    container: Container,
    ended: ContainerStatus | undefined,
    ready: Ready,
    signal: AbortSignal,
    targetId: string | undefined,
  ): Promise<string> {
    const { images, runtime, volumes, clusterDomain, nodeMemoryBytes } = this.#dependencies
    const { image, ref } = await images.ensure(pod, container, signal)
    const restartCount = ended === undefined ? this.#knownRestarts(pod, container) : restartCountOf(ended) + 1
    const podDirectory = volumes.podDirectory(pod.metadata?.uid ?? '')
    const environment = await environmentOf(pod, container, {
      facts: ready.facts,
      volumes: podDirectory === '' ? undefined : ready.volumes,
      services: this.#dependencies.servicesFor(pod),
      configMap: (name) => this.#dependencies.objects.configMap(pod.metadata?.namespace ?? '', name, pod.metadata?.uid ?? ''),
      secret: (name) => this.#dependencies.objects.secret(pod.metadata?.namespace ?? '', name, pod.metadata?.uid ?? ''),
    })
    const mounts =
      podDirectory === ''
        ? []
        : mountsOf({
            pod,
            container,
            volumes: ready.volumes,
            podDirectory,
            podIPs: ready.facts.podIPs,
            clusterDomain,
            environment,
            restartCount,
          })
    if (ready.config.logDirectory !== '') mkdirSync(join(ready.config.logDirectory, container.name), { recursive: true })
    const config = containerConfig({
      pod,
      container,
      image,
      imageRef: ref,
      environment,
      mounts,
      restartCount,
      nodeMemoryBytes,
      targetId,
    })
    return runtime.createContainer(ready.sandbox.id, config, ready.config)
  }

  #knownRestarts(pod: Pod, { name }: Container): number {
    return this.#restartCounts.get(name) ?? previousStatus(pod, name)?.restartCount ?? 0
  }

  async #postStart(pod: Pod, container: Container, id: string, ready: Ready, signal: AbortSignal): Promise<void> {
    const hook = container.lifecycle?.postStart
    if (hook === undefined) return
    const { runtime, clock, recorder } = this.#dependencies
    try {
      await runHook(hook, { container, containerId: id, podIP: ready.facts.podIPs[0] ?? '' }, { runtime, clock, signal })
    } catch (error) {
      signal.throwIfAborted()
      recorder.event(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed')
      recorder.event(pod, 'Normal', 'Killing', 'FailedPostStartHook')
      await orAborted(runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30), signal)
      this.waiting.set(container.name, { reason: 'PostStartHookError', message: (error as Error).message })
    }
  }

  #explain(pod: Pod, container: Container, error: unknown): void {
    const { clock, recorder, log } = this.#dependencies
    if (error instanceof ImageError) {
      this.waiting.set(container.name, { reason: error.reason, message: error.message })
      recorder.event(pod, 'Warning', 'Failed', `Error: ${error.reason}`)
      this.#again(clock.now() + Math.min(error.retryAfterMs ?? CONTAINER_RETRY_MS, CONTAINER_RETRY_MS))
      return
    }
    const { message, cause } = error instanceof Error ? error : new Error(String(error))
    const reason =
      error instanceof ConfigError
        ? 'CreateContainerConfigError'
        : error instanceof RuntimeError
          ? 'RunContainerError'
          : 'CreateContainerError'
    this.waiting.set(container.name, { reason, message })
    recorder.event(pod, 'Warning', 'Failed', `Error: ${message}`)
    log.info('A container did not start', { pod: pod.metadata?.name, container: container.name, reason, error: message, cause })
    this.#again(clock.now() + CONTAINER_RETRY_MS)
  }

  #watchProbes(pod: Pod, observed: ObservedPod, ready: Ready): void {
    for (const container of [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])]) {
      const newest = observed.containers.get(container.name)?.[0]
      if (newest?.state !== 'RUNNING') continue
      const ip = pod.spec?.hostNetwork ? this.#dependencies.nodeIPs[0] : ready.sandbox.ips[0]
      this.#dependencies.prober.watch(pod, container, newest.id, newest.startedAtMs, () => ip)
    }
  }

  #facts(pod: Pod, ips: readonly string[]): PodFacts {
    const { nodeIPs } = this.#dependencies
    return { podIPs: pod.spec?.hostNetwork ? nodeIPs : ips, hostIPs: nodeIPs, node: this.#dependencies.node() }
  }

  #sandboxConfig(pod: Pod, attempt: number, cgroupParent: string): PodSandboxConfig {
    const { clusterDNS, clusterDomain, resolvConf } = this.#dependencies
    return sandboxConfig({
      pod,
      attempt,
      cgroupParent,
      logDirectory: this.#logDirectory(pod),
      clusterDNS,
      clusterDomain,
      resolvConf,
    })
  }

  #logDirectory(pod: Pod): string {
    const { namespace, name, uid } = pod.metadata ?? {}
    return this.#dependencies.podLogs === '' ? '' : join(this.#dependencies.podLogs, `${namespace}_${name}_${uid}`)
  }

  #again(atMs: number): void {
    this.#againAtMs = this.#againAtMs === undefined ? atMs : Math.min(this.#againAtMs, atMs)
  }
}
