import type { Secret } from '../generated/types.ts'

/** A token by which a machine that knows nothing else joins (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/). */
export interface BootstrapToken {
  /** Six characters, public: names the Secret and the user. */
  readonly id: string
  /** Sixteen characters. */
  readonly secret: string
}

export const BOOTSTRAP_TOKEN_TYPE = 'bootstrap.kubernetes.io/token'
export const BOOTSTRAP_TOKEN_NAMESPACE = 'kube-system'
export const BOOTSTRAP_TOKEN_PREFIX = 'bootstrap-token-'
export const BOOTSTRAP_USER_PREFIX = 'system:bootstrap:'
export const BOOTSTRAPPERS = 'system:bootstrappers'

/** What a token may be used for; a key `usage-bootstrap-…` of its Secret that says `true`. */
export const BOOTSTRAP_USAGES = ['authentication', 'signing'] as const
export type BootstrapUsage = (typeof BOOTSTRAP_USAGES)[number]

/** The ConfigMap in kube-public from which a joining machine learns whom to trust, and its keys. */
export const CLUSTER_INFO = { namespace: 'kube-public', name: 'cluster-info' } as const
export const CLUSTER_INFO_KUBECONFIG = 'kubeconfig'
export const SIGNATURE_PREFIX = 'jws-kubeconfig-'

/** Parses `abcdef.0123456789abcdef`; undefined for anything else. */
export function parseBootstrapToken(text: string): BootstrapToken | undefined {
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text)
  return match === null ? undefined : { id: match[1]!, secret: match[2]! }
}

/** A value of a Secret as text; '' when it is not there. */
export const secretText = ({ data }: Secret, key: string): string =>
  data !== undefined && Object.hasOwn(data, key) ? Buffer.from(data[key]!, 'base64').toString() : ''

export const bootstrapTokenAllows = (secret: Secret, usage: BootstrapUsage): boolean =>
  secretText(secret, `usage-bootstrap-${usage}`) === 'true'

/** When a token stops to be valid, in milliseconds since the epoch; undefined: never. A time that can't be read is long past, as upstream has it. */
export function bootstrapTokenExpiryMs(secret: Secret): number | undefined {
  const text = secretText(secret, 'expiration')
  if (text === '') return undefined
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) || 0 : 0
}

/** The groups of a token's user, sorted; undefined when one of its own is not of the form that tokens may give. */
export function bootstrapTokenGroups(secret: Secret): readonly string[] | undefined {
  const own = secretText(secret, 'auth-extra-groups')
  const extra = own === '' ? [] : own.split(',')
  if (!extra.every(isBootstrapGroup)) return undefined
  return [...new Set([BOOTSTRAPPERS, ...extra])].sort()
}

export const isBootstrapGroup = (group: string): boolean => /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group)

/** The token of a Secret that is whole: right type and name, an id that the name repeats, and a secret. */
export function bootstrapTokenOf(secret: Secret): BootstrapToken | undefined {
  const { namespace, name = '' } = secret.metadata ?? {}
  if (secret.type !== BOOTSTRAP_TOKEN_TYPE || namespace !== BOOTSTRAP_TOKEN_NAMESPACE) return undefined
  const token = parseBootstrapToken(`${secretText(secret, 'token-id')}.${secretText(secret, 'token-secret')}`)
  return token !== undefined && name === `${BOOTSTRAP_TOKEN_PREFIX}${token.id}` ? token : undefined
}
