import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { configMaps, nodes, parseBootstrapToken } from '#api'
import { systemClock } from '#base'
import { type Client, createClient, httpTransport } from '#client'
import { isNotFound, isUnauthorized } from '#meta'
import { discoverAuthority } from '../join/discovery.ts'
import { explainConnection } from '../join/explain.ts'
import { validityOf } from '../join/managed-certificate.ts'
import { kubeletWish } from '../join/node-certificates.ts'
import { NODE_SETTINGS, type NodeSettings } from '../join/publish.ts'
import { requestCertificate } from '../join/request-certificate.ts'
import { ensurePackages } from '../node/packages.ts'
import { readBundle, writeBundle } from '../pki-directory.ts'
import { writePrivateFile } from '../private-file.ts'
import { addressTowards } from './address.ts'
import { NODE_FORMAT_VERSION, type NodeFile, readNode, writeNode } from './node-file.ts'
import { type Paths, pathsOf } from './paths.ts'
import { isNodeReady } from './readiness.ts'

export interface JoinOptions {
  readonly dataDirectory: string
  readonly nodeName: string
  readonly server?: string | undefined
  readonly token?: string | undefined
  readonly caHash?: string | undefined
  readonly nodeIP?: string | undefined
  readonly kubeletPort: number
  readonly install: boolean
  readonly signal: AbortSignal
  readonly progress: (step: string) => void
}

/** Discovery is two small requests; approval and signing take milliseconds. */
const JOIN_WITHIN_MS = 60_000

/**
 * The node of this name in the data directory; joined to a cluster first if it is not there yet, or if its certificate has run out and there is a token. A node that
 * is there needs neither server nor token. Throws a sentence.
 */
export async function joinedNode(options: JoinOptions): Promise<{ readonly paths: Paths; readonly node: NodeFile }> {
  const paths = pathsOf(options.dataDirectory)
  const known = readNode(paths, options.nodeName)
  if (known !== undefined) {
    const pair = readBundle(paths.node(known.name).pki, 'kubelet')
    const isValid = pair !== undefined && validityOf(pair).endMs > systemClock.now()
    if (isValid) return { paths, node: known }
    if (options.token === undefined || options.server === undefined)
      throw new Error(
        `the certificate of node ${known.name} has expired; join again with --server and a token of 't8s token create' on the control plane`,
      )
  }
  await ensurePackages(options)
  return { paths, node: await enrol(paths, options) }
}

async function enrol(paths: Paths, options: JoinOptions): Promise<NodeFile> {
  const { nodeName: name, kubeletPort, progress } = options
  const { server, token } = checked(options)
  const timeout = new AbortController()
  using _limit = systemClock.after(JOIN_WITHIN_MS, () => timeout.abort(new DOMException('it took too long', 'TimeoutError')))
  const signal = AbortSignal.any([options.signal, timeout.signal])
  try {
    progress(`asking ${server} for its authority`)
    const ca = await discoverAuthority({ server, token, caHash: options.caHash, clock: systemClock, signal })
    await using transport = httpTransport({ server, ca, token: `${token.id}.${token.secret}`, userAgent: 't8s-agent' })
    const client = createClient(transport)
    await refuseTakenName(client, name, server, signal)
    const { clientCA, ...settings } = await settingsFrom(client, server, signal)
    progress(`asking for a certificate as node ${name}`)
    const pair = await requestCertificate(client, kubeletWish(name), { signal })
    const { pki } = paths.node(name)
    mkdirSync(pki, { recursive: true, mode: 0o700 })
    writePrivateFile(join(pki, 'ca.crt'), ca)
    writePrivateFile(join(pki, 'client-ca.crt'), clientCA)
    writeBundle(pki, 'kubelet', pair)
    const address = options.nodeIP ?? addressTowards(new URL(server).hostname)
    if (address === undefined) throw new Error(`this machine has no address towards ${server}; name one with --node-ip`)
    const node = { formatVersion: NODE_FORMAT_VERSION, name, server, address, kubeletPort, ...settings }
    writeNode(paths, node)
    return node
  } catch (error) {
    throw explainConnection(error, server, systemClock)
  }
}

function checked({ server, token, caHash }: JoinOptions) {
  if (server === undefined || token === undefined)
    throw new Error("there is no node here yet; give --server and --token, as 't8s token create --print-join-command' shows them")
  if (!/^https:\/\/[^/]+\/?$/.test(server)) throw new Error(`--server takes https://host:port, not '${server}'`)
  if (caHash !== undefined && !/^sha256:[0-9a-f]{64}$/.test(caHash))
    throw new Error(`--ca-cert-hash takes sha256: and 64 hexadecimal digits, not '${caHash}'`)
  const parsed = parseBootstrapToken(token)
  if (parsed === undefined) throw new Error('--token takes a token of the form abcdef.0123456789abcdef')
  return { server: server.replace(/\/$/, ''), token: parsed }
}

/** As kubeadm: a node of this name that is Ready is another machine. */
async function refuseTakenName(client: Client, name: string, server: string, signal: AbortSignal): Promise<void> {
  try {
    const node = await client.find(nodes, name, { signal })
    if (node !== undefined && isNodeReady(node)) {
      throw new Error(
        `a node ${name} is in the cluster already and is Ready; choose another name with --node-name, or delete that node first`,
      )
    }
  } catch (error) {
    if (!isUnauthorized(error)) throw error
    throw new Error(`${server} does not accept the token; make a new one there with 't8s token create'`, { cause: error })
  }
}

async function settingsFrom(client: Client, server: string, signal: AbortSignal): Promise<NodeSettings> {
  const { namespace, name, key } = NODE_SETTINGS
  try {
    const { data } = await client.get(configMaps, `${namespace}/${name}`, { signal })
    return JSON.parse(data?.[key] ?? '') as NodeSettings
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new Error(`${server} does not say how its nodes are set up; is it a control plane of t8s?`, { cause: error })
  }
}
