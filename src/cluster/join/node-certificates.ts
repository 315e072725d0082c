import { KUBELET_CLIENT, KUBELET_SERVING } from '#api'
import type { Clock, Log, Random } from '#base'
import type { Client } from '#client'
import { API_SERVER_CLIENT } from '#controllers'
import type { KeyPair } from '../pki.ts'
import { bundleStore, ManagedCertificate, validityOf } from './managed-certificate.ts'
import { type CertificateWish, requestCertificate } from './request-certificate.ts'

/** Who and what speaks and serves on a node; each has a certificate of its own. */
export type NodeIdentity = 'kubelet' | 'kubelet-server' | 'proxy' | 'dns'

export interface NodeCertificatesOptions {
  readonly directory: string
  readonly nodeName: string
  readonly address: string
  /** The node itself, by its `kubelet` certificate: it asks for all of them. */
  client(): Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What runs beside the kubelet may not be who it is for longer than a day without the node being there. */
const COMPANION_SECONDS = 24 * 3600

export const kubeletWish = (nodeName: string): CertificateWish => ({
  commonName: `system:node:${nodeName}`,
  organizations: ['system:nodes'],
  signerName: KUBELET_CLIENT,
  usages: ['client auth'],
})

/** Every certificate of one node. Once started, they are asked for where they are missing, and renewed as long as the node runs. */
export class NodeCertificates implements AsyncDisposable {
  readonly #all = new Map<NodeIdentity, ManagedCertificate>()

  constructor(options: NodeCertificatesOptions) {
    const { nodeName, address, directory, client, clock, random, log } = options
    const companion = (commonName: string): CertificateWish => ({
      commonName,
      signerName: API_SERVER_CLIENT,
      usages: ['client auth'],
      expirationSeconds: COMPANION_SECONDS,
    })
    const wishes: Readonly<Record<NodeIdentity, CertificateWish>> = {
      kubelet: kubeletWish(nodeName),
      'kubelet-server': {
        ...kubeletWish(nodeName),
        hosts: [nodeName, 'localhost', '127.0.0.1', address],
        signerName: KUBELET_SERVING,
        usages: ['server auth'],
      },
      proxy: companion('system:kube-proxy'),
      dns: companion('system:serviceaccount:kube-system:coredns'),
    }
    for (const [name, wish] of Object.entries(wishes) as [NodeIdentity, CertificateWish][]) {
      const obtain = (signal: AbortSignal): Promise<KeyPair> => requestCertificate(client(), wish, { signal })
      this.#all.set(name, new ManagedCertificate({ name, obtain, store: bundleStore(directory, name), clock, random, log }))
    }
  }

  start(): void {
    for (const certificate of this.#all.values()) certificate.start()
  }

  of(identity: NodeIdentity): ManagedCertificate {
    return this.#all.get(identity)!
  }

  /** Renews each now; resolves with their names and new ends. */
  async renewAll(): Promise<{ readonly name: string; readonly untilMs: number }[]> {
    const renewed: { name: string; untilMs: number }[] = []
    // One after the other: the first is what asks for the rest.
    for (const [name, certificate] of this.#all) renewed.push({ name, untilMs: validityOf(await certificate.renew()).endMs })
    return renewed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all.values()].map((certificate) => certificate[Symbol.asyncDispose]()))
  }
}
