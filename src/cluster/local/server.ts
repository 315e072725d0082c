import { mkdirSync } from 'node:fs'
import { openLog, systemClock, systemRandom } from '#base'
import type { Store } from '#store'
import { ADMIN, startControlPlane } from '../control-plane.ts'
import { serveControl } from '../control-socket.ts'
import type { ManagedCertificate } from '../join/managed-certificate.ts'
import { publishJoining } from '../join/publish.ts'
import { openPki } from '../pki-directory.ts'
import { startSimulatedNodes } from '../simulated-nodes.ts'
import { openStore } from '../store.ts'
import { keepAdminKubeconfig } from './admin-kubeconfig.ts'
import type { ClusterConfig } from './config.ts'
import { type Paths, serverSocket } from './paths.ts'
import { waitUntilReady } from './readiness.ts'

/** What the control-plane process runs, by upstream's names. */
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

/** The control-plane process of one machine: store, API server, controllers, scheduler, and simulated nodes if the cluster has them. */
export async function startServer(paths: Paths, config: ClusterConfig, stop: () => void): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const [clock, random] = [systemClock, systemRandom]
  mkdirSync(paths.run, { recursive: true, mode: 0o700 })
  const log = await openLog({ level: 'info' })
  const certificates: ManagedCertificate[] = []
  const stores: Store[] = []
  const state: { isServing: boolean; simulated: readonly string[] } = { isServing: false, simulated: [] }
  stack.use(
    await serveControl(serverSocket(paths), {
      status: async () => ({
        pid: process.pid,
        memory: process.memoryUsage().rss,
        parts: COMPONENTS.map((name) => ({ name, state: state.isServing ? 'running' : 'starting' })),
        simulated: state.simulated,
      }),
      certificates: async () => certificates.map(({ name, current }) => ({ name, certificate: current?.certificate })),
      renew: async () => {
        for (const certificate of certificates) await certificate.renew()
        return certificates.map(({ name }) => name)
      },
      snapshot: async (parameters) => {
        if (stores[0]?.snapshot === undefined) throw new Error('this store has a way of its own to be backed up')
        await stores[0].snapshot((parameters as { file: string }).file)
        return { revision: stores[0].revision }
      },
      stop: async () => stop(),
    }),
  )
  const pki = await openPki(paths.pki, { clock, random })
  const store = stack.use(await openStore(config, { directory: paths.store, clock, log }))
  stores.push(store)
  const { advertiseAddress, clusterCIDR, serviceCIDR, clusterDomain, clusterDNS } = config
  const listen = { host: '0.0.0.0', port: config.apiPort }
  const controlPlane = stack.use(
    await startControlPlane({
      store,
      pki,
      clock,
      random,
      log,
      listen,
      advertiseAddress,
      clusterCIDR,
      serviceCIDR,
      clusterDomain,
      onFailure: stop,
    }),
  )
  state.isServing = true
  const [admin] = await Promise.all([
    keepAdminKubeconfig(paths, config, { pki, log }),
    publishJoining(controlPlane.clientFor(ADMIN), {
      server: `https://${advertiseAddress}:${config.apiPort}`,
      ca: pki.serverCA.certificate,
      settings: { clusterId: config.id, clusterCIDR, clusterDNS, clusterDomain, clientCA: pki.clientCA.certificate },
    }),
  ])
  certificates.push(...Object.values(controlPlane.certificates), stack.use(admin))
  if (config.runtime === 'simulated') {
    const names = nodeNames(config)
    // Of several servers one plays the machines.
    await controlPlane.lead('t8s-simulated-nodes', () =>
      startSimulatedNodes({ controlPlane, names, clusterCIDR, clusterDNS, clusterDomain, clock, random, log }),
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

export const nodeNames = ({ nodes }: Pick<ClusterConfig, 'nodes'>): string[] =>
  Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
