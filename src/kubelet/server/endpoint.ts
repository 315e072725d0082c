import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pod } from '#api'
import type { Clock } from '#base'
import type { GroupUsage } from '../node/cgroup-usage.ts'
import type { Runtime } from '../runtimes/runtime.ts'

export interface LoggedContainer {
  readonly id: string
  readonly logPath: string
  readonly running: boolean
}

export interface RunningPod {
  readonly pod: Pod
  readonly sandboxId: string
  readonly containers: readonly {
    readonly name: string
    readonly id: string
    readonly image: string
    readonly startedAtMs: number
  }[]
}

/** What the server reads of the kubelet. */
export interface KubeletView {
  readonly nodeName: string
  readonly startedAtMs: number
  readonly rootDirectory: string
  /** Pods with a sandbox, and their running containers. */
  running(): Iterable<RunningPod>
  /** Of a pod's control group, of one of its containers', or of the whole node. */
  usage(pod: Pod | undefined, containerId?: string): GroupUsage | undefined
  /** Name of the pod's control group. */
  groupOf(pod: Pod): string
  /** Cores in use since the counter was read before; `key` tells counters apart. */
  nanoCores(key: string, nanoseconds: number): number | undefined
  pods(): readonly Pod[]
  pod(namespace: string, name: string): Pod | undefined
  /** The newest container of that name. */
  container(namespace: string, pod: string, container: string): { readonly id: string; readonly running: boolean } | undefined
  /** A container of the pod by the runtime's id. */
  containerById(namespace: string, pod: string, id: string): LoggedContainer | undefined
  sandbox(namespace: string, pod: string): string | undefined
  /** Resolves when the container has ended. */
  ended(containerId: string): Promise<void>
  /** What `/configz` shows of how the kubelet was started. */
  configuration(): object
}

/** One request under way, with what answers it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Path elements behind the endpoint's own. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  readonly view: KubeletView
  readonly runtime: Runtime
  readonly clock: Clock
}

/** What is served below one first path element. */
export interface Endpoint {
  readonly path: string
  /** Only `GET`, unless said. */
  readonly methods?: readonly string[]
  handle(exchange: Exchange): Promise<void>
}

export function answer({ response }: Pick<Exchange, 'response'>, status: number, body: string, type: string): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}

export const answerJson = (exchange: Exchange, body: object): void =>
  answer(exchange, 200, JSON.stringify(body), 'application/json')

/** Upstream's errors here are plain text, not Status objects. */
export const fail = (exchange: Pick<Exchange, 'response'>, status: number, message: string): void =>
  answer(exchange, status, message, 'text/plain; charset=utf-8')
