import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#base'
import { createClient, httpTransport } from '#client'
import { isForbidden, isNotFound, isUnauthorized } from '#meta'
import { clientURLOf, readMember, writeMember } from '../etcd/member-file.ts'
import { discoverAuthority } from '../join/discovery.ts'
import { explainConnection } from '../join/explain.ts'
import { fetchBundle, parseServerToken, type ServerBundle, type ServerToken } from '../join/server-bundle.ts'
import { ETCD_PROGRAMS, ensurePackages } from '../node/packages.ts'
import { writePrivateFile } from '../private-file.ts'
import { type EtcdAccess, OWN_ETCD } from '../store.ts'
import { addressTowards } from './address.ts'
import { type ClusterConfig, writeConfig } from './config.ts'
import type { Paths } from './paths.ts'
import { memberOf, placeOf, type ServerOptions } from './prepare-server.ts'

const JOIN_WITHIN_MS = 60_000
/** kubeadm's names for what API servers show to an etcd that is not theirs. */
const EXTERNAL = { caFile: 'external-etcd-ca.crt', certFile: 'external-etcd.crt', keyFile: 'external-etcd.key' } as const

const SHARED = /^[a-z-]+\.(crt|key|pub)$/
/** What a server has of the authorities for itself, and its copies of what is elsewhere. */
const OWN = /^(admin|apiserver-etcd-client|external-etcd|external-etcd-ca)\./

/** What another server needs to be one of this cluster. Throws a sentence when the cluster has room for no other. */
export function bundleOf(paths: Paths, config: ClusterConfig): ServerBundle {
  if (config.store !== OWN_ETCD && !config.store.startsWith(`${OWN_ETCD}=`))
    throw new Error(
      `the store of this cluster is ${config.store}, which one server has to itself; move it to etcd first: 't8s snapshot save', then 'restore --cluster-init'`,
    )
  const names = readdirSync(paths.pki).filter((name) => SHARED.test(name) && !OWN.test(name))
  const texts = Object.fromEntries(names.map((name) => [name, readFileSync(join(paths.pki, name), 'utf8')]))
  for (const [which, name] of Object.entries(EXTERNAL)) {
    const path = config.etcd?.[which as keyof typeof EXTERNAL]
    if (path !== undefined) texts[name] = readFileSync(path, 'utf8')
  }
  const {
    nodes: _nodes,
    runtime: _runtime,
    apiPort: _port,
    advertiseAddress: _address,
    nodeCIDR: _range,
    apiServer: _flags,
    ...shared
  } = config
  const member = readMember(paths)
  return { config: shared, files: texts, members: member === undefined ? [] : [clientURLOf(member), ...member.others] }
}

/** Makes this machine a server of a cluster that has one; nothing is there before all is. Throws a sentence. */
export async function joinServers(paths: Paths, url: string, options: ServerOptions): Promise<ClusterConfig> {
  const { server, token } = checked(url, options)
  const timeout = new AbortController()
  using _limit = systemClock.after(JOIN_WITHIN_MS, () => timeout.abort(new DOMException('it took too long', 'TimeoutError')))
  const signal = AbortSignal.any([options.signal, timeout.signal])
  try {
    options.progress(`asking ${server} for its authority`)
    const ca = await discoverAuthority({ server, token, caHash: options.caHash, clock: systemClock, signal })
    await using transport = httpTransport({ server, ca, token: `${token.id}.${token.secret}`, userAgent: 't8s-server' })
    options.progress(`asking ${server} for what servers share`)
    const bundle = await fetchBundle(createClient(transport), token, signal).catch((error: unknown) => {
      throw refusal(error, server)
    })
    if (bundle.config.store === OWN_ETCD) await ensurePackages(options, ETCD_PROGRAMS)
    return settle(paths, bundle, {
      ...options,
      advertiseAddress: options.advertiseAddress ?? addressTowards(new URL(server).hostname),
    })
  } catch (error) {
    throw explainConnection(error, server, systemClock)
  }
}

function settle(paths: Paths, { config: shared, files, members }: ServerBundle, options: ServerOptions): ClusterConfig {
  if (existsSync(paths.pki) && readdirSync(paths.pki).length > 0 && readMember(paths) === undefined)
    throw new Error(`${paths.pki} holds the keys of another cluster; choose another --data-dir`)
  mkdirSync(paths.pki, { recursive: true, mode: 0o700 })
  for (const [name, text] of Object.entries(files)) {
    if (!SHARED.test(name)) throw new Error(`the cluster shares a file of the strange name ${name}`)
    writePrivateFile(join(paths.pki, name), text)
  }
  const { etcd, tlsSans: _names, snapshots: _plan, ...rest } = shared
  const config: ClusterConfig = { ...rest, ...placeOf(options), ...(etcd !== undefined && { etcd: here(paths, etcd, files) }) }
  if (config.store === OWN_ETCD) writeMember(paths, memberOf(options, config.advertiseAddress, 'joining', members))
  writeConfig(paths.config, config)
  return config
}

/** The same access by this machine's copies. */
function here(paths: Paths, etcd: EtcdAccess, files: ServerBundle['files']): EtcdAccess {
  const copies = Object.entries(EXTERNAL).flatMap(([which, name]) => (name in files ? [[which, join(paths.pki, name)]] : []))
  return { prefix: etcd.prefix, ...Object.fromEntries(copies) }
}

function checked(url: string, { token: text, caHash }: ServerOptions): { readonly server: string; readonly token: ServerToken } {
  if (!/^https:\/\/[^/]+\/?$/.test(url)) throw new Error(`--join takes https://host:port, not '${url}'`)
  if (caHash !== undefined && !/^sha256:[0-9a-f]{64}$/.test(caHash))
    throw new Error(`--ca-cert-hash takes sha256: and 64 hexadecimal digits, not '${caHash}'`)
  const token = parseServerToken(text ?? '')
  if (token === undefined)
    throw new Error(
      "--join needs the --token of a server, which 't8s token create --control-plane' makes; that of a node is shorter",
    )
  return { server: url.replace(/\/$/, ''), token }
}

function refusal(error: unknown, server: string): unknown {
  if (!isForbidden(error) && !isNotFound(error) && !isUnauthorized(error)) return error
  return new Error(
    `${server} shares nothing with the bearer of this token; make a new one there with 't8s token create --control-plane'`,
    { cause: error },
  )
}
