import { pipeline } from 'node:stream/promises'
import { type ContainerStatus, foundBy, type Pod, type PodLogOptions, readPodLogOptions, validatePodLogOptions } from '#api'
import { type Endpoint, type Exchange, fail } from './endpoint.ts'
import { readLog } from './logs.ts'

/** `/containerLogs/NAMESPACE/POD/CONTAINER`: what `kubectl logs` reads. */
export const containerLogs: Endpoint = {
  path: 'containerLogs',
  async handle(exchange) {
    const { parts, query, view } = exchange
    const [namespace = '', name = '', container = ''] = parts
    if (container === '') return fail(exchange, 400, '{"message": "Missing container name."}')
    const options = optionsOf(query)
    if ('status' in options) return fail(exchange, options.status, options.message)
    const pod = view.pod(namespace, name)
    if (pod === undefined) return fail(exchange, 404, `pod ${JSON.stringify(name)} does not exist`)
    if (!containersOf(pod).includes(container))
      return fail(exchange, 404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`)
    const chosen = chooseContainer(pod, container, options.previous)
    if (typeof chosen !== 'string') return fail(exchange, 400, chosen.problem)
    const logged = view.containerById(namespace, name, chosen)
    if (logged === undefined) return fail(exchange, 400, `unable to retrieve container logs for ${chosen}`)
    return sendLog(exchange, logged, options)
  },
}

/** What is asked for, or what to answer instead, as upstream's kubelet puts it. */
function optionsOf(query: URLSearchParams): PodLogOptions | { readonly status: number; readonly message: string } {
  let options: PodLogOptions
  try {
    options = readPodLogOptions(query)
  } catch {
    return { status: 400, message: '{"message": "Unable to decode query."}' }
  }
  const [finding] = foundBy((found) => validatePodLogOptions(options, found))
  return finding === undefined ? options : { status: 422, message: '{"message": "Invalid request."}' }
}

const containersOf = ({ spec }: Pod): string[] =>
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])].map(({ name }) => name)

/** The id of the container whose log is meant: the running one, else the last that ended. */
function chooseContainer(pod: Pod, name: string, previous: boolean): string | { readonly problem: string } {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (each) => each.name === name,
  )
  const what = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata?.name)}`
  if (status === undefined) return { problem: `${what} is not available` }
  const last = bare(status.lastState?.terminated?.containerID)
  if (previous) return last || { problem: `previous terminated ${what} not found` }
  if (status.state?.running) return bare(status.containerID)
  if (status.state?.terminated) return bare(status.state.terminated.containerID) || last || { problem: `${what} is terminated` }
  return last || { problem: waitingProblem(what, status) }
}

function waitingProblem(what: string, { state }: ContainerStatus): string {
  const reason = state?.waiting?.reason ?? ''
  const told: Readonly<Record<string, string>> = {
    ErrImagePull: 'trying and failing to pull image',
    ImagePullBackOff: "image can't be pulled",
  }
  return `${what} is waiting to start: ${told[reason] ?? (reason || 'no reason provided')}`
}

const bare = (id: string | undefined): string => id?.replace(/^[^:]*:\/\//, '') ?? ''

async function sendLog(
  { request, response, view, clock }: Exchange,
  container: { readonly id: string; readonly logPath: string; readonly running: boolean },
  { follow, tailLines, limitBytes, timestamps, stream, sinceSeconds, sinceMs }: PodLogOptions,
): Promise<void> {
  const controller = new AbortController()
  request.on('close', () => controller.abort())
  response.on('close', () => controller.abort())
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  const text = readLog(container.logPath, {
    follow,
    tailLines,
    limitBytes,
    sinceMs: sinceSeconds === undefined ? sinceMs : clock.now() - sinceSeconds * 1000,
    timestamps,
    stream: (stream ?? 'All') as 'All',
    signal: controller.signal,
    ended: container.running ? view.ended(container.id) : Promise.resolve(),
  })
  try {
    await pipeline(text, response)
  } catch (error) {
    if (!controller.signal.aborted) throw error
  }
}
