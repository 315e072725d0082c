import { type HttpTransportOptions, httpTransport, type Transport } from '#client'
import type { KeyPair } from '../pki.ts'
import type { ManagedCertificate } from './managed-certificate.ts'

/**
 * A transport that proves itself by a certificate that changes: requests wait for the first one. When it changes, every connection made by the old one is
 * closed, as upstream's kubelet does it; watches begin anew.
 */
export function rotatingTransport(
  certificate: Pick<ManagedCertificate, 'ready' | 'onChange'>,
  options: HttpTransportOptions,
  connect: (options: HttpTransportOptions) => Transport = httpTransport,
): Transport {
  let open: { readonly pair: KeyPair; readonly transport: Transport } | undefined
  let isDisposed = false
  const use = (pair: KeyPair): Transport => {
    if (open?.pair === pair) return open.transport
    const old = open
    open = { pair, transport: connect({ ...options, certificate: pair.certificate, key: pair.key }) }
    void old?.transport[Symbol.asyncDispose]()
    return open.transport
  }
  const listening = certificate.onChange((pair) => {
    if (!isDisposed && open !== undefined) use(pair)
  })
  const current = async (): Promise<Transport> => {
    const pair = await certificate.ready()
    return open?.transport ?? use(pair)
  }
  return {
    request: async (request) => (await current()).request(request),
    upgrade: async (request) => (await current()).upgrade!(request),
    async [Symbol.asyncDispose]() {
      isDisposed = true
      listening[Symbol.dispose]()
      await open?.transport[Symbol.asyncDispose]()
    },
  }
}
