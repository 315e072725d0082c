import type { HTTPGetAction, LifecycleHandler, Probe } from '../generated/types.ts'
import { portOrName } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, nonNegative, required, unsupported } from '../validation/findings.ts'

type Handlers = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

const COUNTS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const

export function validateProbe(probe: Probe, kind: 'liveness' | 'readiness' | 'startup', field: string, found: Findings): void {
  validateHandler(probe, undefined, field, found)
  for (const key of COUNTS) if ((probe[key] ?? 0) < 0) nonNegative(probe[key], `${field}.${key}`, found)
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0)
    found.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'))
  if (kind === 'readiness') {
    if (grace !== undefined)
      found.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'))
  } else if (probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    // One failure kills; what "succeeded twice" means for a container that lives anyway is undefined.
    found.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1'))
  }
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const

/** Exactly one way to ask or act. A sleep must fit into the pod's `graceSeconds`. */
export function validateHandler(handler: Handlers, graceSeconds: number | undefined, field: string, found: Findings): void {
  let handlers = 0
  for (const type of HANDLERS) {
    if (handler[type] === undefined) continue
    if (handlers++ > 0) {
      found.push(forbid(`${field}.${type}`, 'may not specify more than 1 handler type'))
      continue
    }
    const path = `${field}.${type}`
    if (type === 'exec' && !handler.exec?.command?.length) found.push(required(`${path}.command`))
    if (type === 'httpGet') validateHTTPGet(handler.httpGet!, path, found)
    if (type === 'tcpSocket') portOrName(handler.tcpSocket?.port, `${path}.port`, found)
    if (type === 'grpc') portOrName(handler.grpc?.port, `${path}.port`, found)
    if (type === 'sleep') validateSleep(handler.sleep?.seconds ?? 0, graceSeconds, path, found)
  }
  if (handlers === 0) found.push(required(field, 'must specify a handler type'))
}

function validateSleep(seconds: number, graceSeconds: number | undefined, field: string, found: Findings): void {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return
  found.push(invalidValue(field, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`))
}

const SCHEMES = ['HTTP', 'HTTPS']
const HEADER_NAME = /^[-A-Za-z0-9]+$/

function validateHTTPGet({ path, port: value, scheme, httpHeaders = [] }: HTTPGetAction, field: string, found: Findings): void {
  if (!path) found.push(required(`${field}.path`))
  portOrName(value, `${field}.port`, found)
  if (!SCHEMES.includes(scheme ?? '')) found.push(unsupported(`${field}.scheme`, scheme ?? '', SCHEMES))
  for (const header of httpHeaders) {
    if (!HEADER_NAME.test(header.name ?? '')) {
      found.push(
        invalidValue(
          `${field}.httpHeaders`,
          header.name ?? '',
          "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
        ),
      )
    }
  }
}
