import { chmodSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Container, Pod } from '#api'
import type { Mount } from '../runtimes/runtime.ts'
import type { MountedVolume } from '../volumes/index.ts'
import { ConfigError } from './environment.ts'
import { expand } from './expand.ts'

export interface MountInput {
  readonly pod: Pod
  readonly container: Container
  readonly volumes: ReadonlyMap<string, MountedVolume>
  readonly podDirectory: string
  readonly podIPs: readonly string[]
  readonly clusterDomain: string
  readonly environment: ReadonlyMap<string, string>
  readonly restartCount: number
}

const PROPAGATION = { None: 'PRIVATE', HostToContainer: 'HOST_TO_CONTAINER', Bidirectional: 'BIDIRECTIONAL' } as const

/** Volumes, the managed hosts file and the file for the termination message. */
export function mountsOf(input: MountInput): Mount[] {
  const { container, volumes } = input
  const mounts = (container.volumeMounts ?? []).map((mount): Mount => {
    const volume = volumes.get(mount.name)
    if (volume === undefined)
      throw new ConfigError(
        `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`,
      )
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expandStrictly(mount.subPathExpr, input.environment)
    return {
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: subPath ? subPathIn(volume.path, subPath, mount.name, container.name) : volume.path,
      readonly: volume.readOnly || (mount.readOnly ?? false),
      propagation: PROPAGATION[(mount.mountPropagation ?? 'None') as keyof typeof PROPAGATION] ?? 'PRIVATE',
    }
  })
  const own = [terminationMount(input)]
  if (!mounts.some(({ containerPath }) => containerPath === '/etc/hosts') && !input.pod.spec?.hostNetwork)
    own.push(hostsMount(input))
  return [...mounts, ...own]
}

function expandStrictly(text: string, environment: ReadonlyMap<string, string>): string {
  return expand(text, (name) => {
    const value = environment.get(name)
    if (value === undefined) throw new ConfigError(`missing value for ${JSON.stringify(name)}`)
    return value
  })
}

/** A path inside a volume. The volume's content is the pod's own, so links in it must not lead out. */
function subPathIn(root: string, subPath: string, volume: string, container: string): string {
  const refused = new ConfigError(
    `failed to prepare subPath for volumeMount ${JSON.stringify(volume)} of container ${JSON.stringify(container)}`,
  )
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) throw refused
  try {
    const realRoot = realpathSync(root)
    // Down from the root, one part at a time: a link that leads out is found before anything is made behind it.
    let path = realRoot
    for (const part of subPath.split('/').filter((each) => each !== '' && each !== '.')) {
      const next = join(path, part)
      if (!existsSync(next)) mkdirSync(next, { mode: 0o750 })
      path = realpathSync(next)
      if (path !== realRoot && !path.startsWith(`${realRoot}/`)) throw refused
    }
    return path
  } catch (error) {
    throw error === refused ? refused : new ConfigError(refused.message, { cause: error })
  }
}

function terminationMount({ container, podDirectory, restartCount }: MountInput): Mount {
  const directory = join(podDirectory, 'containers', container.name)
  mkdirSync(directory, { recursive: true })
  const file = terminationMessageFile(podDirectory, container.name, restartCount)
  writeFileSync(file, '', { flag: 'a' })
  chmodSync(file, 0o666)
  return {
    containerPath: container.terminationMessagePath ?? '/dev/termination-log',
    hostPath: file,
    readonly: false,
    propagation: 'PRIVATE',
  }
}

export const terminationMessageFile = (podDirectory: string, container: string, restartCount: number): string =>
  join(podDirectory, 'containers', container, `termination-${restartCount}`)

function hostsMount(input: MountInput): Mount {
  const path = join(input.podDirectory, 'etc-hosts')
  writeFileSync(path, hostsFile(input))
  return { containerPath: '/etc/hosts', hostPath: path, readonly: false, propagation: 'PRIVATE' }
}

function hostsFile({ pod, podIPs, clusterDomain }: MountInput): string {
  const { hostname, subdomain, hostAliases = [] } = pod.spec ?? {}
  const name = hostname || (pod.metadata?.name ?? '')
  const domain = subdomain ? `${name}.${subdomain}.${pod.metadata?.namespace}.svc.${clusterDomain}\t` : ''
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIPs.map((ip) => `${ip}\t${domain}${name}`),
  ]
  if (hostAliases.length > 0) {
    lines.push(
      '',
      '# Entries added by HostAliases.',
      ...hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`),
    )
  }
  return `${lines.join('\n')}\n`
}
