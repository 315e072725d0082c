import { dirname, isAbsolute } from 'node:path'
import { invalidValue } from '#api'
import { credentialsOf, type Kubeconfig, readKubeconfig, type UserEntry } from '#client'
import { decodeConfiguration, objectOf, refuseConfiguration, text } from '../../configuration-file.ts'
import { urlOf, type WebhookCredentials, type WebhookTarget } from '../../webhook-caller.ts'

/** How this server proves itself to a webhook; undefined: it does not. */
export type CredentialsFor = (target: WebhookTarget) => WebhookCredentials | undefined

const KIND = {
  kind: 'WebhookAdmissionConfiguration',
  versions: ['apiserver.config.k8s.io/v1'],
  formerly: [['apiserver.config.k8s.io/v1alpha1', 'WebhookAdmission']],
  schema: objectOf({ apiVersion: text, kind: text, kubeConfigFile: text }),
} as const

/**
 * Reads a WebhookAdmissionConfiguration, whose kubeconfig names users by the webhooks that they are for
 * (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers). Rejects with what is wrong with it.
 */
export async function credentialsIn(bytes: Uint8Array | undefined): Promise<CredentialsFor> {
  if (bytes === undefined) return () => undefined
  const { kubeConfigFile = '' } = (await decodeConfiguration(bytes, KIND)) as { readonly kubeConfigFile?: string }
  if (kubeConfigFile === '') return () => undefined
  if (!isAbsolute(kubeConfigFile))
    refuseConfiguration([invalidValue('kubeConfigFile', kubeConfigFile, 'must be an absolute file path')])
  const kubeconfig = await readKubeconfig(kubeConfigFile)
  const directory = dirname(kubeConfigFile)
  const users = new Map((kubeconfig.users ?? []).map(({ name, user }) => [name, user]))
  // Files are read now, so that a wrong one is found at the start, and kept with the connections that are made by them.
  const known = new Map([...users].map(([name, user]) => [name, { name, ...proofOf(user, directory) }]))
  const usual = usualUser(kubeconfig)
  return (target) => known.get(userFor(target, (name) => known.has(name)) ?? usual ?? '')
}

function proofOf(user: UserEntry, directory: string): Omit<WebhookCredentials, 'name'> {
  const { username, password } = user
  const basic = username === undefined && password === undefined ? undefined : `${username ?? ''}:${password ?? ''}`
  return { ...credentialsOf(user, { server: '' }, directory), basic }
}

/** The user of that host and port, or of a domain around it; of port 443 also without it. */
function userFor(target: WebhookTarget, has: (name: string) => boolean): string | undefined {
  const { hostname, port } = new URL(urlOf(target))
  const number = port === '' ? '443' : port
  const hosts = [`${hostname}:${number}`, ...(number === '443' ? [hostname.replace(/^\[|\]$/g, '')] : [])]
  for (const host of hosts) {
    const steps = host.split('.')
    const names = [host, ...steps.slice(1).map((_, index) => `*.${steps.slice(index + 1).join('.')}`)]
    const found = names.find(has)
    if (found !== undefined) return found
  }
  return has('*') ? '*' : undefined
}

const usualUser = ({ contexts = [], 'current-context': current }: Kubeconfig): string | undefined =>
  contexts.find(({ name }) => name === current)?.context.user
