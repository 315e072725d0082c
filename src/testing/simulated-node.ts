import { type Pod, serviceAccounts } from '#api'
import { nullLog, seededRandom, type VirtualClock } from '#base'
import { type Kubelet, type KubeletOptions, SimulatedRuntime, startKubelet } from '#kubelet'
import { startTestApiServer, type TestApiServer } from './test-api-server.ts'

/** A kubelet of `node-1` without disks, unless `options` say otherwise, and the API server that it works for. Both are the caller's to dispose. */
export async function startSimulatedNode(
  clock: VirtualClock,
  runtime = new SimulatedRuntime({ clock, random: seededRandom(2) }),
  options: Partial<KubeletOptions> = {},
): Promise<{ readonly api: TestApiServer; readonly runtime: SimulatedRuntime; readonly kubelet: Kubelet }> {
  const api = await startTestApiServer({ clock })
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  })
  return { api, runtime, kubelet: await startKubeletOn(api, runtime, clock, options) }
}

/** One more kubelet of `node-1`: what its predecessor left is in the runtime. */
export function startKubeletOn(
  api: TestApiServer,
  runtime: SimulatedRuntime,
  clock: VirtualClock,
  options: Partial<KubeletOptions> = {},
): Promise<Kubelet> {
  const client = api.clientFor({ username: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] })
  return startKubelet({
    client,
    runtime,
    nodeName: 'node-1',
    nodeIPs: ['10.0.0.1'],
    rootDirectory: '',
    podLogs: '',
    clusterDNS: '10.96.0.10',
    clusterDomain: 'cluster.local',
    capacity: { cpu: '4', memory: '8Gi', pods: '110' },
    version: 'v1.36.0',
    clock,
    random: seededRandom(3),
    log: nullLog,
    ...options,
  })
}

/** A pod of `node-1` whose containers live as the script says (runtimes/simulated/script.ts). */
export const scriptedPod = (name: string, script: object = {}, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', annotations: { 't8s.dev/simulate': JSON.stringify(script) } },
  spec: { nodeName: 'node-1', automountServiceAccountToken: false, containers: [{ name: 'main', image: 'web:1' }], ...spec },
})
