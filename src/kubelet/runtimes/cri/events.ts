import type { Clock, Log } from '#base'
import { RuntimeError, type RuntimeEvent } from '../runtime.ts'
import { criCodec } from './codec.ts'
import type { CriConnection } from './connection.ts'
import type { CriContainer, CriContainerStatus } from './responses.ts'

export interface EventSource {
  readonly connection: CriConnection
  readonly clock: Clock
  readonly log: Log
}

interface ContainerEvent {
  readonly pod_sandbox_status?: { readonly id?: string }
}

interface Envelope {
  readonly topic?: string
  readonly event?: { readonly value?: string }
}

const RECONNECT_MS_MIN = 100
const RECONNECT_MS_MAX = 5_000
/** How long CRI may go on calling a container running after its exit was told. */
const EXIT_WAITS_MS = [5, 10, 20, 40, 80, 160, 320, 640]

const VERSION_MS = 10_000
const SETTLE_MS = 500

const LIST_ALL: RuntimeEvent = { sandboxId: undefined }

/**
 * Changes of containers as the runtime tells of them: CRI's own events, else containerd's.
 * Whenever telling began (anew), one event says to list all, for whatever happened in between.
 */
export async function* runtimeEvents(source: EventSource, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const { clock, log } = source
  let delayMs = RECONNECT_MS_MIN
  let stream = criEvents
  while (!signal.aborted) {
    try {
      for await (const event of stream(source, signal)) {
        yield event
        delayMs = RECONNECT_MS_MIN
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof RuntimeError && error.code === 'Unimplemented' && stream === criEvents) {
        stream = containerdEvents
        continue
      }
      log.warn('The runtime stopped telling of events', { error, delayMs })
    }
    try {
      await clock.sleep(delayMs, { signal })
    } catch {
      return
    }
    delayMs = Math.min(delayMs * 2, RECONNECT_MS_MAX)
  }
}

async function* criEvents(source: EventSource, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const path = '/runtime.v1.RuntimeService/GetContainerEvents'
  const messages = { request: 'GetEventsRequest', response: 'ContainerEventResponse' }
  const stream = source.connection.stream<ContainerEvent>(path, {}, messages, signal)
  const eventFrom = async (event: ContainerEvent): Promise<RuntimeEvent> => ({ sandboxId: event.pod_sandbox_status?.id })
  yield* afterListing(source, stream, eventFrom, signal)
}

async function* containerdEvents(source: EventSource, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const path = '/containerd.services.events.v1.Events/Subscribe'
  const messages = { request: 'containerd.SubscribeRequest', response: 'containerd.Envelope' }
  const request = { filters: ['namespace==k8s.io,topic~="/tasks/(start|exit|oom|paused|resumed)"'] }
  const envelopes = source.connection.stream<Envelope>(path, request, messages, signal)
  yield* afterListing(source, envelopes, (envelope) => eventOf(source, envelope, signal), signal)
}

/**
 * Yields {@link LIST_ALL} once the runtime has answered a call made after the subscription, and again a moment later:
 * no runtime says when a subscription took hold.
 */
async function* afterListing<M>(
  { connection, clock }: EventSource,
  stream: AsyncIterable<M>,
  eventFrom: (message: M) => Promise<RuntimeEvent>,
  signal: AbortSignal,
): AsyncIterable<RuntimeEvent> {
  const iterator = stream[Symbol.asyncIterator]()
  const settled = new AbortController()
  try {
    const first = iterator.next()
    await Promise.race([first, connection.runtime('Version', {}, { timeoutMs: VERSION_MS, signal })])
    yield LIST_ALL
    const pause = clock.sleep(SETTLE_MS, { signal: AbortSignal.any([signal, settled.signal]) }).catch(() => {})
    await Promise.race([first, pause])
    yield LIST_ALL
    for (let next = await first; !next.done; next = await iterator.next()) yield await eventFrom(next.value)
  } finally {
    settled.abort()
    await iterator.return?.()
  }
}

async function eventOf(source: EventSource, envelope: Envelope, signal: AbortSignal): Promise<RuntimeEvent> {
  const { connection } = source
  const bytes = Buffer.from(envelope.event?.value ?? '', 'base64')
  const id = criCodec.decode('containerd.TaskEvent', bytes)['container_id'] as string | undefined
  if (id === undefined) return LIST_ALL
  const listed = await connection.runtime<{ readonly containers?: readonly CriContainer[] }>('ListContainers', { filter: { id } })
  const sandboxId = listed.containers?.[0]?.pod_sandbox_id
  // A sandbox's own task carries the sandbox's id.
  if (sandboxId === undefined) return { sandboxId: id }
  if (envelope.topic === '/tasks/exit') await untilExited(source, id, signal)
  return { sandboxId }
}

/** containerd tells of an exit a little before its CRI shows it; whoever lists in between would miss it for good. */
async function untilExited({ connection, clock }: EventSource, containerId: string, signal: AbortSignal): Promise<void> {
  for (const waitMs of EXIT_WAITS_MS) {
    try {
      const request = { container_id: containerId }
      const { status } = await connection.runtime<{ readonly status?: CriContainerStatus }>('ContainerStatus', request)
      if (status?.state !== 'CONTAINER_RUNNING') return
    } catch {
      // Removed in the meantime.
      return
    }
    await clock.sleep(waitMs, { signal })
  }
}
