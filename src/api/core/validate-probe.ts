import type { HTTPGetAction, LifecycleHandler, Probe } from '../generated/types.ts'
import { portOrName } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, nonNegative, required, unsupported } from '../validation/findings.ts'

type Handlers = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

export function* validateProbe(probe: Probe | undefined, kind: 'liveness' | 'readiness' | 'startup', field: string): Findings {
  if (probe === undefined) return
  yield* validateHandler(probe, undefined, field)
  yield* nonNegative(probe.initialDelaySeconds, `${field}.initialDelaySeconds`)
  yield* nonNegative(probe.timeoutSeconds, `${field}.timeoutSeconds`)
  yield* nonNegative(probe.periodSeconds, `${field}.periodSeconds`)
  yield* nonNegative(probe.successThreshold, `${field}.successThreshold`)
  yield* nonNegative(probe.failureThreshold, `${field}.failureThreshold`)
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0)
    yield invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')
  if (kind === 'readiness') {
    if (grace !== undefined)
      yield invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes')
  } else if (probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    // One failure kills; what "succeeded twice" means for a container that lives anyway is undefined.
    yield invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1')
  }
}

/** Exactly one way to ask or act. A sleep must fit into the pod's `graceSeconds`. */
export function* validateHandler(handler: Handlers, graceSeconds: number | undefined, field: string): Findings {
  let handlers = 0
  for (const type of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const) {
    if (handler[type] === undefined) continue
    if (handlers++ > 0) {
      yield forbid(`${field}.${type}`, 'may not specify more than 1 handler type')
      continue
    }
    const path = `${field}.${type}`
    if (type === 'exec' && !handler.exec?.command?.length) yield required(`${path}.command`)
    if (type === 'httpGet') yield* validateHTTPGet(handler.httpGet!, path)
    if (type === 'tcpSocket') yield* portOrName(handler.tcpSocket?.port, `${path}.port`)
    if (type === 'grpc') yield* portOrName(handler.grpc?.port, `${path}.port`)
    if (type === 'sleep') yield* validateSleep(handler.sleep?.seconds ?? 0, graceSeconds, path)
  }
  if (handlers === 0) yield required(field, 'must specify a handler type')
}

function* validateSleep(seconds: number, graceSeconds: number | undefined, field: string): Findings {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return
  yield invalidValue(field, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)
}

const SCHEMES = ['HTTP', 'HTTPS']
const HEADER_NAME = /^[-A-Za-z0-9]+$/

function* validateHTTPGet({ path, port: value, scheme, httpHeaders = [] }: HTTPGetAction, field: string): Findings {
  if (!path) yield required(`${field}.path`)
  yield* portOrName(value, `${field}.port`)
  if (!SCHEMES.includes(scheme ?? '')) yield unsupported(`${field}.scheme`, scheme ?? '', SCHEMES)
  for (const header of httpHeaders) {
    if (!HEADER_NAME.test(header.name ?? '')) {
      yield invalidValue(
        `${field}.httpHeaders`,
        header.name ?? '',
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
      )
    }
  }
}
