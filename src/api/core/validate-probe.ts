import type { HTTPGetAction, LifecycleHandler, Probe } from '../generated/types.ts'
import { portOrName } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, nonNegative, oneOf, port, required } from '../validation/findings.ts'

type Handlers = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

export function* validateProbe(probe: Probe | undefined, kind: 'liveness' | 'readiness' | 'startup', field: string): Findings {
  if (probe === undefined) return
  yield* validateHandler(probe, field)
  yield* nonNegative(probe.initialDelaySeconds, `${field}.initialDelaySeconds`)
  yield* nonNegative(probe.timeoutSeconds, `${field}.timeoutSeconds`)
  yield* nonNegative(probe.periodSeconds, `${field}.periodSeconds`)
  yield* nonNegative(probe.successThreshold, `${field}.successThreshold`)
  yield* nonNegative(probe.failureThreshold, `${field}.failureThreshold`)
  const grace = probe.terminationGracePeriodSeconds
  if (kind === 'readiness') {
    if (grace !== undefined) yield forbid(`${field}.terminationGracePeriodSeconds`, 'must not be set for readinessProbes')
    return
  }
  if (grace !== undefined && grace <= 0)
    yield invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')
  // One failure kills; what "succeeded twice" means for a container that lives anyway is undefined.
  if (probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    yield invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1')
  }
}

/** Exactly one way to ask or act. */
export function* validateHandler(handler: Handlers, field: string): Findings {
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
    if (type === 'grpc') yield* port(handler.grpc?.port ?? 0, `${path}.port`)
    if (type === 'sleep') yield* nonNegative(handler.sleep?.seconds, `${path}.seconds`)
  }
  if (handlers === 0) yield required(field, 'must specify a handler type')
}

const HEADER_NAME = /^[-A-Za-z0-9]+$/

function* validateHTTPGet({ path, port: value, scheme, httpHeaders = [] }: HTTPGetAction, field: string): Findings {
  if (!path) yield required(`${field}.path`)
  yield* portOrName(value, `${field}.port`)
  yield* oneOf(scheme, ['HTTP', 'HTTPS'], `${field}.scheme`)
  for (const [index, header] of httpHeaders.entries()) {
    if (!HEADER_NAME.test(header.name ?? '')) {
      yield invalidValue(
        `${field}.httpHeaders[${index}].name`,
        header.name ?? '',
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
      )
    }
  }
}
