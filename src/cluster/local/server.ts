import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Log, openLog, systemClock, systemRandom } from '#base'
import type { Store } from '#store'
import { type ApiServerSettings, opened, publicKeysOf, type ServiceAccountSettings } from '../api-server-settings.ts'
import { followFiles } from '../components/follow-files.ts'
import { ADMIN, type ControlPlane, serviceAccountsOf, startControlPlane } from '../control-plane.ts'
import { serveControl } from '../control-socket.ts'
import { type LocalMember, startLocalMember } from '../etcd/local-member.ts'
import { followMembers, publishMembers } from '../etcd/published-members.ts'
import type { ManagedCertificate } from '../join/managed-certificate.ts'
import { publishJoining } from '../join/publish.ts'
import { openPki } from '../pki-directory.ts'
import { keepEncryption } from '../secrets-encryption.ts'
import { startSimulatedNodes } from '../simulated-nodes.ts'
import { OWN_ETCD, openOwnStore, openStore } from '../store.ts'
import { keepAdminKubeconfig } from './admin-kubeconfig.ts'
import type { ClusterConfig } from './config.ts'
import { type Paths, serverSocket } from './paths.ts'
import { waitUntilReady } from './readiness.ts'
import { takeSnapshot } from './snapshot.ts'
import { keepSnapshots, type SnapshotPlan } from './snapshot-schedule.ts'

/** What the control-plane process runs, by upstream's names. */
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

interface State {
  isServing: boolean
  simulated: readonly string[]
  member?: LocalMember | undefined
  publishMembers?: () => Promise<void>
}

/** The control-plane process of one machine: store, API server, controllers, scheduler, and simulated nodes if the cluster has them. */
export async function startServer(
  paths: Paths,
  config: ClusterConfig,
  settings: ApiServerSettings & { readonly serviceAccounts: ServiceAccountSettings },
  stop: (error?: Error) => void,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const [clock, random] = [systemClock, systemRandom]
  mkdirSync(paths.run, { recursive: true, mode: 0o700 })
  const log = await openLog({ level: 'info' })
  const certificates: ManagedCertificate[] = []
  const stores: Store[] = []
  const state: State = { isServing: false, simulated: [] }
  stack.use(
    await serveControl(serverSocket(paths), {
      status: async () => ({
        pid: process.pid,
        memory: process.memoryUsage().rss,
        parts: [
          ...(state.member === undefined
            ? []
            : [{ name: 'etcd', state: state.member.pid === undefined ? 'stopped' : 'running' }]),
          ...COMPONENTS.map((name) => ({ name, state: state.isServing ? 'running' : 'starting' })),
        ],
        simulated: state.simulated,
      }),
      certificates: async () => certificates.map(({ name, current }) => ({ name, certificate: current?.certificate })),
      renew: async () => {
        for (const certificate of certificates) await certificate.renew()
        return certificates.map(({ name }) => name)
      },
      snapshot: async (parameters) => {
        if (stores[0] === undefined) throw new Error('the control plane is still starting; try again in a moment')
        return takeSnapshot(paths, stores[0], (parameters as { file: string }).file, clock)
      },
      'publish-members': async () => state.publishMembers?.(),
      stop: async () => stop(),
    }),
  )
  const pki = await openPki(paths.pki, { clock, random })
  const member =
    config.store === OWN_ETCD
      ? stack.use(await startLocalMember({ paths, clusterId: config.id, onRemoved: stop, clock, random, log }))
      : undefined
  state.member = member
  const store = stack.use(
    member === undefined
      ? await openStore(config, { directory: paths.store, clock, log, onFailure: stop })
      : await openOwnStore(member.endpoints, { clock, log, onFailure: stop }),
  )
  member?.established()
  stores.push(store)
  const prefix = config.etcd?.prefix
  const encryption =
    settings.encryption === undefined
      ? await keepEncryption(paths.pki, { store, prefix, random, log })
      : { ...settings.encryption, prefix }
  const { advertiseAddress, clusterCIDR, serviceCIDR, clusterDomain, clusterDNS } = config
  const listen = { host: '0.0.0.0', port: config.apiPort }
  const { keyFiles, ...tokens } = settings.serviceAccounts
  const tokenOptions = () => ({ pki, clusterDomain, serviceAccounts: { ...tokens, verificationKeys: publicKeysOf(keyFiles) } })
  const controlPlane = stack.use(
    await startControlPlane({
      ...opened(settings, log),
      ...tokenOptions(),
      store,
      encryption,
      clock,
      random,
      log,
      listen,
      advertiseAddress,
      clusterCIDR,
      serviceCIDR,
      tlsSans: config.tlsSans,
      onFailure: stop,
    }),
  )
  if (keyFiles.length > 0) stack.use(followKeys(keyFiles, controlPlane, tokenOptions, log))
  state.isServing = true
  const [admin] = await Promise.all([
    keepAdminKubeconfig(paths, config, { pki, log }),
    publishJoining(controlPlane.clientFor(ADMIN), {
      server: `https://${advertiseAddress}:${config.apiPort}`,
      ca: pki.serverCA.certificate,
      settings: { clusterId: config.id, clusterCIDR, clusterDNS, clusterDomain, clientCA: pki.clientCA.certificate },
    }),
  ])
  certificates.push(...Object.values(controlPlane.certificates), ...(member?.certificates ?? []), stack.use(admin))
  if (member !== undefined) {
    const client = controlPlane.clientFor(ADMIN)
    state.publishMembers = () => publishMembers(client, member)
    await state.publishMembers()
    stack.use(followMembers(member, { client, clock, random, log }))
  }
  const plan = planOf(paths, config)
  if (plan.schedule !== undefined || plan.intervalMs > 0) {
    const take = (file: string) => takeSnapshot(paths, store, file, clock)
    stack.use(keepSnapshots(plan, { take, name: member?.name ?? hostname(), clock, log }))
  }
  if (config.runtime === 'simulated') {
    const names = nodeNames(config)
    // Of several servers one plays the machines.
    await controlPlane.lead('t8s-simulated-nodes', (clientFor, log) =>
      startSimulatedNodes({ controlPlane: { clientFor }, names, clusterCIDR, clusterDNS, clusterDomain, clock, random, log }),
    )
    state.simulated = names
    await waitUntilReady(
      controlPlane.clientFor(ADMIN),
      { count: names.length, dns: false },
      { signal: new AbortController().signal, progress() {} },
    )
  }
  return stack.move()
}

function followKeys(
  files: readonly string[],
  { server }: ControlPlane,
  read: () => Parameters<typeof serviceAccountsOf>[0],
  log: Log,
): Disposable {
  return followFiles(files, () => {
    try {
      server.replaceServiceAccountKeys(serviceAccountsOf(read()))
      log.info('Keys of service account tokens were read anew')
    } catch (error) {
      log.error('Keys of service account tokens can not be read anew; the last ones stay', { error: (error as Error).message })
    }
  })
}

/** Who keeps etcd on a few machines wants to have it elsewhere too. */
const SNAPSHOT_MS = 12 * 3_600_000
const SNAPSHOTS_KEPT = 5

function planOf(paths: Paths, { snapshots = {}, store }: ClusterConfig): SnapshotPlan {
  const { intervalMs = store === OWN_ETCD ? SNAPSHOT_MS : 0, retention = SNAPSHOTS_KEPT } = snapshots
  return { intervalMs, schedule: snapshots.schedule, retention, directory: snapshots.directory ?? join(paths.root, 'snapshots') }
}

export const nodeNames = ({ nodes }: Pick<ClusterConfig, 'nodes'>): string[] =>
  Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
