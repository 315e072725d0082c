import { ownValue } from '#base'
import type {
  Container,
  ContainerPort,
  HTTPGetAction,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
} from '../generated/types.ts'
import { defaultVolume } from './default-volume.ts'
import { podRequests, type ResourceList } from './pod-facts.ts'
import { pullPolicyOf } from './pull-policy.ts'

const GRACE_SECONDS = 30

/** Fills what upstream fills of a Pod; idempotent. */
export function defaultPod(draft: Pod): void {
  const spec = (draft.spec ??= {} as PodSpec)
  defaultPodSpec(spec)
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    // In templates this waits for the pod, so that a LimitRange and the template's owner see what the author wrote.
    requestWhatIsLimited(container)
    if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
  }
  defaultPodLevelRequests(draft, spec)
  spec.enableServiceLinks ??= true
  syncAddresses((draft.status ??= {}))
}

/** Two names of one thing, of which the older one counts. */
function syncAddresses(status: PodStatus): void {
  const { podIP, podIPs } = status
  if (podIP && podIPs?.[0]?.ip !== podIP) status.podIPs = [{ ip: podIP }]
  else if (!podIP && podIPs?.[0] !== undefined) status.podIP = podIPs[0].ip
}

export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template === undefined) return
  defaultPodSpec((template.spec ??= {} as PodSpec))
}

export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.restartPolicy ||= 'Always'
  spec.schedulerName ||= 'default-scheduler'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= GRACE_SECONDS
  // `serviceAccount` is the old name of the same field; both are always written.
  spec.serviceAccountName ||= spec.serviceAccount ?? ''
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else {
    delete spec.serviceAccountName
    delete spec.serviceAccount
  }
  for (const container of spec.initContainers ?? []) defaultContainer(container)
  for (const container of spec.containers ?? []) defaultContainer(container)
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container)
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
}

function defaultContainer(container: Container): void {
  container.resources ??= {}
  container.imagePullPolicy ||= pullPolicyOf(container.image)
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  defaultPorts(container.ports)
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= 'v1'
    if (valueFrom?.fileKeyRef !== undefined) valueFrom.fileKeyRef.optional ??= false
  }
  defaultProbe(container.livenessProbe)
  defaultProbe(container.readinessProbe)
  defaultProbe(container.startupProbe)
  defaultHandler(container.lifecycle?.postStart)
  defaultHandler(container.lifecycle?.preStop)
}

function defaultPorts(ports: ContainerPort[] | undefined): void {
  for (const port of ports ?? []) port.protocol ||= 'TCP'
}

function defaultProbe(probe: Probe | undefined): void {
  if (probe === undefined) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  defaultHTTPGet(probe.httpGet)
  if (probe.grpc !== undefined) probe.grpc.service ??= ''
}

const defaultHandler = (handler: LifecycleHandler | undefined): void => defaultHTTPGet(handler?.httpGet)

function defaultHTTPGet(action: HTTPGetAction | undefined): void {
  if (action === undefined) return
  action.path ||= '/'
  action.scheme ||= 'HTTP'
}

function requestWhatIsLimited({ resources }: Container): void {
  if (resources?.limits === undefined) return
  resources.requests = { ...resources.limits, ...resources.requests }
}

/** Requests of the pod as a whole follow its containers' requests, or else its own limits. */
function defaultPodLevelRequests(pod: Pod, spec: PodSpec): void {
  const own = spec.resources
  if (own?.limits === undefined) return
  const { resources: _resources, overhead: _overhead, ...bare } = spec
  const aggregated: ResourceList = podRequests({ ...pod, spec: bare })
  const requests: Record<string, string> = { ...own.requests }
  for (const [name, limit] of Object.entries(own.limits))
    requests[name] = ownValue(requests, name) ?? ownValue(aggregated, name) ?? limit
  own.requests = requests
}
