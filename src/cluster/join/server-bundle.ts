import { createCipheriv, createDecipheriv } from 'node:crypto'
import {
  BOOTSTRAP_TOKEN_NAMESPACE,
  BOOTSTRAP_TOKEN_PREFIX,
  type BootstrapToken,
  parseBootstrapToken,
  type ResourceDefinition,
  roleBindings,
  roles,
  secrets,
} from '#api'
import type { Random } from '#base'
import type { Client } from '#client'
import { apiVersionOf, type KubernetesObject } from '#meta'
import type { MemberFile } from '../etcd/member-file.ts'
import type { ClusterConfig } from '../local/config.ts'

/** Everything by which a machine becomes another server of a cluster: its authorities and keys, and the settings that servers share. */
export interface ServerBundle {
  readonly config: Omit<ClusterConfig, 'nodes' | 'runtime' | 'apiPort' | 'advertiseAddress' | 'nodeCIDR'>
  /** Texts by file name in the directory of authorities and keys. */
  readonly files: Readonly<Record<string, string>>
  /** Client URLs of etcd's members, when servers have members of their own. */
  readonly members: MemberFile['others']
}

/** A bootstrap token, with the key that opens the bundle it leads to. The key is in the token and nowhere in the cluster. */
export interface ServerToken extends BootstrapToken {
  readonly key: Buffer
}

const NAMESPACE = BOOTSTRAP_TOKEN_NAMESPACE
const FIELD = 'bundle'
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MANAGER = 't8s'

/** `abcdef.0123456789abcdef.` and 64 hexadecimal digits; undefined for what is none. */
export function parseServerToken(text: string): ServerToken | undefined {
  const [, first = '', key = ''] = /^([^.]+\.[^.]+)\.([0-9a-f]{64})$/.exec(text) ?? []
  const token = parseBootstrapToken(first)
  return token === undefined ? undefined : { ...token, key: Buffer.from(key, 'hex') }
}

export const newBundleKey = (random: Random): Buffer => Buffer.from(random.bytes(KEY_BYTES))

/** What of a token's Secret is in the Secret beside it, which goes when the token goes. */
const nameOf = (id: string): string => `t8s-certs-${id}`

/**
 * Puts the bundle where the token's bearer, and nobody else who is not an administrator, may read it: encrypted as kubeadm does with `kubeadm-certs`
 * (https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init-phase/#cmd-phase-upload-certs), so that neither etcd nor its backups hold the keys of the authorities.
 */
export async function publishBundle(
  client: Client,
  id: string,
  key: Buffer,
  bundle: ServerBundle,
  random: Random,
): Promise<void> {
  const token = await client.get(secrets, `${NAMESPACE}/${BOOTSTRAP_TOKEN_PREFIX}${id}`)
  const name = nameOf(id)
  const owner = { apiVersion: 'v1', kind: 'Secret', name: token.metadata!.name!, uid: token.metadata!.uid! }
  const metadata = { namespace: NAMESPACE, name, ownerReferences: [owner] }
  const apply = <T extends KubernetesObject>(resource: ResourceDefinition<T>, object: object): Promise<unknown> => {
    const apiVersion = apiVersionOf(resource as unknown as ResourceDefinition<never>)
    const whole = { apiVersion, kind: resource.kind, metadata, ...object } as unknown as T
    return client.patch(resource, `${NAMESPACE}/${name}`, whole, { type: 'apply', fieldManager: MANAGER, force: true })
  }
  const group = 'rbac.authorization.k8s.io'
  await apply(secrets, { data: { [FIELD]: seal(JSON.stringify(bundle), key, random).toString('base64') } })
  await apply(roles, { rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: [name], verbs: ['get'] }] })
  await apply(roleBindings, {
    roleRef: { apiGroup: group, kind: 'Role', name },
    subjects: [{ apiGroup: group, kind: 'User', name: `system:bootstrap:${id}` }],
  })
}

/** Throws what the API answered, or a sentence when the key does not open it. */
export async function fetchBundle(client: Client, { id, key }: ServerToken, signal: AbortSignal): Promise<ServerBundle> {
  const { data } = await client.get(secrets, `${NAMESPACE}/${nameOf(id)}`, { signal })
  const sealed = Buffer.from(data?.[FIELD] ?? '', 'base64')
  try {
    return JSON.parse(open(sealed, key)) as ServerBundle
  } catch (error) {
    throw new Error(`the last part of the token does not open what servers share; copy the whole token`, { cause: error })
  }
}

function seal(text: string, key: Buffer, random: Random): Buffer {
  const nonce = random.bytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce)
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

function open(sealed: Buffer, key: Buffer): string {
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
}
