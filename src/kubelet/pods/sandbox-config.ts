import { readFileSync } from 'node:fs'
import type { Pod } from '#api'
import { namespaceOptions, seccompProfile } from '../containers/container-config.ts'
import { podLabels } from '../labels.ts'
import type { PodSandboxConfig } from '../runtimes/runtime.ts'

export interface SandboxInput {
  readonly pod: Pod
  readonly attempt: number
  readonly logDirectory: string
  readonly cgroupParent: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly resolvConf: string
}

const HOSTNAME_LENGTH_MAX = 63

export function sandboxConfig({ pod, attempt, logDirectory, cgroupParent, ...dns }: SandboxInput): PodSandboxConfig {
  const { name = '', namespace = '', uid = '', annotations = {} } = pod.metadata ?? {}
  const shared = pod.spec?.securityContext ?? {}
  return {
    metadata: { name, namespace, uid, attempt },
    // In the node's network the name is the node's, too.
    hostname: pod.spec?.hostNetwork ? '' : hostnameOf(pod, dns.clusterDomain),
    logDirectory,
    dns: dnsConfig(pod, dns),
    portMappings: portMappings(pod),
    labels: { ...podLabels(pod), ...pod.metadata?.labels },
    annotations,
    cgroupParent,
    sysctls: Object.fromEntries((shared.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    namespaces: namespaceOptions(pod),
    privileged: (pod.spec?.containers ?? []).some(({ securityContext }) => securityContext?.privileged),
    runAsUser: shared.runAsUser,
    runAsGroup: shared.runAsGroup,
    supplementalGroups: [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])],
    readonlyRootfs: false,
    seccomp: seccompProfile(shared.seccompProfile),
  }
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-hostname-and-subdomain-fields */
function hostnameOf({ metadata, spec }: Pod, clusterDomain: string): string {
  const override = spec?.hostnameOverride
  if (override) return override
  const name = (spec?.hostname || (metadata?.name ?? '')).slice(0, HOSTNAME_LENGTH_MAX).replace(/[-.]+$/, '')
  if (!spec?.setHostnameAsFQDN || !spec.subdomain) return name
  return `${name}.${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`
}

function portMappings(pod: Pod): PodSandboxConfig['portMappings'] {
  if (pod.spec?.hostNetwork) return []
  const all = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ]
  return all
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ hostPort }) => Boolean(hostPort))
    .map(({ containerPort, hostPort, hostIP, protocol }) => ({
      containerPort,
      hostPort: hostPort!,
      hostIP: hostIP ?? '',
      protocol: (protocol ?? 'TCP') as 'TCP' | 'UDP' | 'SCTP',
    }))
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
function dnsConfig(
  pod: Pod,
  { clusterDNS, clusterDomain, resolvConf }: Omit<SandboxInput, 'pod' | 'attempt' | 'logDirectory' | 'cgroupParent'>,
): PodSandboxConfig['dns'] {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst'
  const host = readResolvConf(resolvConf)
  const clusterFirst = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork)
  const base =
    policy === 'None'
      ? { servers: [], searches: [], options: [] }
      : clusterFirst && clusterDNS !== ''
        ? {
            servers: [clusterDNS],
            searches: [
              `${pod.metadata?.namespace}.svc.${clusterDomain}`,
              `svc.${clusterDomain}`,
              clusterDomain,
              ...host.searches,
            ],
            options: ['ndots:5'],
          }
        : host
  const own = pod.spec?.dnsConfig
  const options = new Map(base.options.map((option): [string, string] => [option.split(':')[0]!, option]))
  for (const { name, value } of own?.options ?? []) options.set(name ?? '', value ? `${name}:${value}` : (name ?? ''))
  return {
    servers: [...new Set([...base.servers, ...(own?.nameservers ?? [])])],
    searches: [...new Set([...base.searches, ...(own?.searches ?? [])])],
    options: [...options.values()],
  }
}

function readResolvConf(path: string): { servers: string[]; searches: string[]; options: string[] } {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // A machine without the file has no name servers to pass on.
  }
  const words = (keyword: string): string[][] =>
    text
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([first]) => first === keyword)
      .map((line) => line.slice(1))
  return { servers: words('nameserver').flat(), searches: words('search').at(-1) ?? [], options: words('options').at(-1) ?? [] }
}
