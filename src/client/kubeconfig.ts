import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { systemClock } from '#base'
import { parseYaml, printYaml } from '#meta'
import { execToken } from './exec-credential.ts'
import { type HttpTransportOptions, httpTransport } from './http-transport.ts'
import type { Transport } from './transport.ts'

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export interface Kubeconfig {
  apiVersion?: string
  kind?: string
  clusters?: { name: string; cluster: ClusterEntry }[]
  users?: { name: string; user: UserEntry }[]
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[]
  'current-context'?: string
  preferences?: unknown
}

export interface ClusterEntry {
  server: string
  'certificate-authority'?: string
  'certificate-authority-data'?: string
  'insecure-skip-tls-verify'?: boolean
  'tls-server-name'?: string
}

export interface UserEntry {
  'client-certificate'?: string
  'client-certificate-data'?: string
  'client-key'?: string
  'client-key-data'?: string
  token?: string
  tokenFile?: string
  username?: string
  password?: string
  exec?: ExecEntry
}

/** A program that prints an ExecCredential. */
export interface ExecEntry {
  apiVersion: string
  command: string
  args?: string[] | null
  env?: { name: string; value: string }[] | null
  provideClusterInfo?: boolean
  installHint?: string
}

/** Where kubectl looks: KUBECONFIG's list, else the file in the home directory. */
export function kubeconfigPaths(environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const list = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  return list.length > 0 ? list : [join(environment['HOME'] ?? homedir(), '.kube', 'config')]
}

/** Throws a sentence when the file can't be read or is no kubeconfig. */
export async function readKubeconfig(path: string): Promise<Kubeconfig> {
  let parsed: unknown
  try {
    parsed = await parseYaml(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`cannot read the kubeconfig ${path}: ${(error as Error).message.split('\n')[0]}`, { cause: error })
  }
  if (parsed === null || parsed === undefined) return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error(`${path} is no kubeconfig: it is not a map`)
  return parsed as Kubeconfig
}

export async function writeKubeconfig(path: string, config: Kubeconfig): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.t8s-new`
  writeFileSync(unfinished, await printKubeconfig(config), { mode: 0o600 })
  renameSync(unfinished, path)
}

export async function printKubeconfig(config: Kubeconfig): Promise<string> {
  return printYaml({ apiVersion: 'v1', kind: 'Config', ...config })
}

/** Adds or replaces the entries of `added` by name and makes its context current; everything else stays. */
export async function mergeIntoKubeconfig(path: string, added: Kubeconfig): Promise<void> {
  const current = existsSync(path) ? await readKubeconfig(path) : {}
  const merge = <T extends { name: string }>(old: T[] | undefined, fresh: T[] | undefined): T[] => [
    ...(old ?? []).filter(({ name }) => !fresh?.some((each) => each.name === name)),
    ...(fresh ?? []),
  ]
  await writeKubeconfig(path, {
    ...current,
    clusters: merge(current.clusters, added.clusters),
    users: merge(current.users, added.users),
    contexts: merge(current.contexts, added.contexts),
    ...(added['current-context'] !== undefined && { 'current-context': added['current-context'] }),
  })
}

/**
 * Takes the clusters of `removed` out of a file, with the contexts of each and the users that only those have. Clusters are the same if their authorities are: another one
 * of the same name stays, with its context. Does nothing where there is no file.
 */
export async function removeFromKubeconfig(path: string, removed: Kubeconfig): Promise<void> {
  if (!existsSync(path)) return
  const current = await readKubeconfig(path)
  const authorities = new Set(removed.clusters?.map(authorityOf))
  const gone = new Set(
    current.clusters?.filter((each) => authorityOf(each) && authorities.has(authorityOf(each))).map(({ name }) => name),
  )
  if (gone.size === 0) return
  const contexts = current.contexts?.filter(({ context }) => !gone.has(context.cluster)) ?? []
  const usersOf = (of: Kubeconfig['contexts']): Set<string> => new Set(of?.map(({ context }) => context.user))
  const [had, has] = [usersOf(current.contexts), usersOf(contexts)]
  const { 'current-context': chosen, ...rest } = current
  await writeKubeconfig(path, {
    ...rest,
    clusters: current.clusters?.filter(({ name }) => !gone.has(name)) ?? [],
    users: current.users?.filter(({ name }) => has.has(name) || !had.has(name)) ?? [],
    contexts,
    'current-context': contexts.some(({ name }) => name === chosen) ? chosen! : '',
  })
}

const authorityOf = ({ cluster }: { readonly cluster: ClusterEntry }): string | undefined => cluster['certificate-authority-data']

/** A kubeconfig with one cluster, user and context of the same name; credentials inline. */
export function inlineKubeconfig(options: {
  name: string
  server: string
  ca: string
  certificate: string
  key: string
}): Kubeconfig {
  const encode = (pem: string): string => Buffer.from(pem).toString('base64')
  const { name, server } = options
  return {
    clusters: [{ name, cluster: { server, 'certificate-authority-data': encode(options.ca) } }],
    users: [{ name, user: { 'client-certificate-data': encode(options.certificate), 'client-key-data': encode(options.key) } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
}

/** Connects as a context of a kubeconfig says; the current one by default. `directory` is where its relative paths start. */
export function transportFromKubeconfig(
  config: Kubeconfig,
  options: { readonly directory: string; readonly context?: string; readonly userAgent?: string },
): Transport {
  return httpTransport({ ...connectionOf(config, options), userAgent: options.userAgent })
}

export function connectionOf(
  config: Kubeconfig,
  { directory, context: wanted }: { readonly directory: string; readonly context?: string },
): HttpTransportOptions {
  const name = wanted ?? config['current-context'] ?? ''
  const context = config.contexts?.find((each) => each.name === name)?.context
  if (context === undefined) throw new Error(`the kubeconfig has no context ${JSON.stringify(name)}`)
  const cluster = config.clusters?.find((each) => each.name === context.cluster)?.cluster
  if (cluster === undefined) throw new Error(`the kubeconfig has no cluster ${JSON.stringify(context.cluster)}`)
  const user = config.users?.find((each) => each.name === context.user)?.user ?? {}
  return {
    server: cluster.server,
    ca: pemOf(cluster['certificate-authority-data'], cluster['certificate-authority'], directory),
    insecureSkipTLSVerify: cluster['insecure-skip-tls-verify'],
    serverName: cluster['tls-server-name'],
    ...credentialsOf(user, cluster, directory),
  }
}

/** Where the client certificate and the key of the current context's user are, when they are files; whoever renews them writes there. */
export function certificateFilesOf(
  config: Kubeconfig,
  { directory }: { readonly directory: string },
): { readonly certificate: string; readonly key: string } | undefined {
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context
  const user = config.users?.find(({ name }) => name === context?.user)?.user
  const [certificate, key] = [user?.['client-certificate'], user?.['client-key']]
  if (certificate === undefined || key === undefined) return undefined
  if (user?.['client-certificate-data'] !== undefined || user?.['client-key-data'] !== undefined) return undefined
  return { certificate: resolve(directory, certificate), key: resolve(directory, key) }
}

/** How somebody proves who he is to a server. */
export function credentialsOf(
  user: UserEntry,
  cluster: ClusterEntry,
  directory: string,
): Pick<HttpTransportOptions, 'certificate' | 'key' | 'token'> {
  const { tokenFile, exec } = user
  const plugin = exec && execToken(exec, cluster, systemClock)
  return {
    certificate: pemOf(user['client-certificate-data'], user['client-certificate'], directory),
    key: pemOf(user['client-key-data'], user['client-key'], directory),
    // A token file is rotated by whoever mounted it, so it is read for each request.
    token:
      user.token ?? (tokenFile === undefined ? plugin : async () => readFileSync(resolve(directory, tokenFile), 'utf8').trim()),
  }
}

function pemOf(data: string | undefined, file: string | undefined, directory: string): string | undefined {
  if (data !== undefined) return Buffer.from(data, 'base64').toString()
  return file === undefined ? undefined : readFileSync(resolve(directory, file), 'utf8')
}
