import type { Secret } from '#api'
import type { ImageAuth } from '../runtimes/runtime.ts'

interface Entry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/**
 * What a pull secret holds for an image, the longest match first (https://kubernetes.io/docs/concepts/containers/images/#config-json). The server's
 * address stays out of it: the secret has been chosen already, and runtimes read it in forms of their own.
 */
export function credentialsFor(secret: Secret, reference: string): ImageAuth[] {
  return Object.entries(entriesOf(secret))
    .filter(([registry]) => matchesRegistry(registry, reference))
    .sort(([a], [b]) => b.length - a.length || (a < b ? 1 : -1))
    .map(([, { username, password, auth, identitytoken, registrytoken }]) => ({
      ...(username && { username }),
      ...(password && { password }),
      ...(auth && !username && { auth }),
      ...(identitytoken && { identityToken: identitytoken }),
      ...(registrytoken && { registryToken: registrytoken }),
    }))
}

/** Malformed secrets hold nothing. */
function entriesOf({ type, data }: Secret): Readonly<Record<string, Entry>> {
  const read = (key: string): Record<string, unknown> => {
    try {
      return (JSON.parse(Buffer.from(data?.[key] ?? '', 'base64').toString()) ?? {}) as Record<string, unknown>
    } catch {
      return {}
    }
  }
  const found = type === 'kubernetes.io/dockercfg' ? read('.dockercfg') : read('.dockerconfigjson')['auths']
  return (found ?? {}) as Readonly<Record<string, Entry>>
}

/** Ports and paths as written, host names part by part with `*` for what may vary: `*.example.com/team` is for `registry.example.com/team/app`. */
export function matchesRegistry(registry: string, reference: string): boolean {
  const key = registry
    .replace(/^https?:\/\//, '')
    .replace(/\/(v[12]\/?)?$/, '')
    .replace(/^(index\.docker\.io|registry-1\.docker\.io)(?=\/|$)/, 'docker.io')
  const [wanted, image] = [split(key), split(reference)]
  if (wanted.port !== image.port || wanted.labels.length !== image.labels.length) return false
  if (!wanted.labels.every((label, index) => matchesLabel(label, image.labels[index]!))) return false
  return image.path.startsWith(wanted.path)
}

function split(text: string): { labels: readonly string[]; port: string; path: string } {
  const slash = text.indexOf('/')
  const authority = slash === -1 ? text : text.slice(0, slash)
  const [host = '', port = ''] = authority.split(':')
  return { labels: host.split('.'), port, path: slash === -1 ? '' : text.slice(slash + 1) }
}

/** `*` stands for any number of characters; matched without going back more than once per star. */
function matchesLabel(pattern: string, label: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === label
  if (!label.startsWith(head)) return false
  let at = head.length
  const tail = rest.pop()!
  for (const part of rest) {
    const found = label.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return label.length - at >= tail.length && label.endsWith(tail)
}
