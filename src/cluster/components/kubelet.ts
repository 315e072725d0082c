import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { gitVersion } from '#apiserver'
import { CgroupFs, openCriRuntime, SimulatedRuntime, startKubelet, streamUpgrades } from '#kubelet'
import { PAUSE_IMAGE } from '../node/pause-image.ts'
import type { KeyPair } from '../pki.ts'
import { type CertificateFiles, followAuthority, followCertificate } from './certificate-files.ts'
import type { ComponentContext } from './component.ts'
import { connectBy } from './connection.ts'
import { selfSigned } from './self-signed.ts'

/** No containers: pods follow the life they declare. */
export const SIMULATED_ENDPOINT = 'simulated:'

export interface KubeletProcessOptions {
  readonly kubeconfig: string
  readonly nodeName: string
  readonly nodeIPs: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** `unix:///run/containerd/containerd.sock`, or {@link SIMULATED_ENDPOINT}. */
  readonly runtimeEndpoint: string
  readonly rootDirectory: string
  readonly podLogs: string
  /** Of manifests of static pods. */
  readonly staticPodPath?: string | undefined
  readonly cgroupParent: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly resolvConf: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly serving: KeyPair | undefined
  /** Authority of the clients that may use the kubelet's API; without it nobody may. */
  readonly clientCA: string | undefined
  /** The files that those come from, which are followed as long as it runs. */
  readonly files?: { readonly serving?: CertificateFiles | undefined; readonly clientCA?: string | undefined } | undefined
}

const SIMULATED_CAPACITY = { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' }

/** A kubelet alone in its process, against any API server and any CRI runtime. */
export async function startKubeletProcess(options: KubeletProcessOptions, context: ComponentContext): Promise<AsyncDisposable> {
  const { clock, random, log } = context
  await using stack = new AsyncDisposableStack()
  const { nodeName, nodeIPs, clusterDNS, clusterDomain, resolvConf, labels } = options
  const { client } = stack.use(await connectBy(options.kubeconfig, 'kubelet', { clock, log }))
  const common = {
    client,
    nodeName,
    nodeIPs,
    clusterDNS,
    clusterDomain,
    resolvConf,
    labels,
    version: gitVersion(),
    clock,
    random,
    log,
  }
  if (options.runtimeEndpoint.startsWith(SIMULATED_ENDPOINT)) {
    const runtime = new SimulatedRuntime({ clock, random })
    stack.use(await startKubelet({ ...common, runtime, rootDirectory: '', podLogs: '', capacity: SIMULATED_CAPACITY }))
    log.info('The kubelet runs', { runtime: 'simulated' })
    return stack.move()
  }
  for (const directory of [options.rootDirectory, options.podLogs]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const runtime = stack.use(await openCriRuntime({ endpoint: options.runtimeEndpoint, clock, log }))
  const hosts = [nodeName, 'localhost', '127.0.0.1', ...nodeIPs]
  const serving = options.serving ?? (await selfSigned(join(options.rootDirectory, 'pki'), 'kubelet', hosts, { clock, random }))
  const kubelet = stack.use(
    await startKubelet({
      ...common,
      runtime,
      rootDirectory: options.rootDirectory,
      podLogs: options.podLogs,
      staticPodPath: options.staticPodPath,
      sandboxImage: PAUSE_IMAGE,
      cgroups: new CgroupFs({ parent: options.cgroupParent }),
      ...(options.clientCA !== undefined && {
        serve: { ...options.listen, tls: { ...serving, clientCA: options.clientCA } },
        upgrades: streamUpgrades(runtime, { clock, log }),
      }),
    }),
  )
  const { serving: servingFiles, clientCA: authorityFile } = options.files ?? {}
  if (servingFiles !== undefined)
    stack.use(stack.use(followCertificate(servingFiles, { log })).onChange((pair) => kubelet.replaceServingCertificate(pair)))
  if (authorityFile !== undefined) stack.use(followAuthority(authorityFile, kubelet, log))
  log.info('The kubelet runs', { runtime: options.runtimeEndpoint, port: kubelet.port })
  return stack.move()
}
