import { readFileSync } from 'node:fs'
import { type Clock, type Log, systemClock } from '#base'
import type { Kubelet } from '#kubelet'
import { certificateProblem, type ManagedCertificate } from '../join/managed-certificate.ts'
import type { KeyPair } from '../pki.ts'
import { followFiles } from './follow-files.ts'

/** Paths of a certificate and its key, which may be one file. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** A certificate that somebody else renews in its files. */
export type FollowedCertificate = Pick<ManagedCertificate, 'ready' | 'onChange'> & Disposable

/** Reads it, and reads it again when a file changes; what does not fit, since the other of the two is still to come, is passed over. Throws when it can't be read at all. */
export function followCertificate(
  files: CertificateFiles,
  { log, clock = systemClock }: { readonly log: Log; readonly clock?: Clock },
): FollowedCertificate {
  const read = (): KeyPair => ({
    certificate: readFileSync(files.certificate, 'utf8'),
    key: readFileSync(files.key, 'utf8'),
  })
  let current = read()
  const handlers = new Set<(pair: KeyPair) => void>()
  const renew = (): void => {
    try {
      const next = read()
      if (next.certificate === current.certificate && next.key === current.key) return
      const problem = certificateProblem(next, { nowMs: clock.now() })
      if (problem !== undefined) throw new Error(problem)
      current = next
    } catch (error) {
      log.warn('A certificate can not be read anew; the last one stays', { ...files, problem: (error as Error).message })
      return
    }
    log.info('A certificate was read anew', { ...files })
    for (const handler of handlers) handler(current)
  }
  const following = followFiles([files.certificate, files.key], renew)
  return {
    ready: async () => current,
    onChange(handler) {
      handlers.add(handler)
      return { [Symbol.dispose]: () => void handlers.delete(handler) }
    },
    [Symbol.dispose]: () => following[Symbol.dispose](),
  }
}

/** Keeps a kubelet's clients those of the authorities in a file: two of them while one takes the place of the other. */
export function followAuthority(path: string, kubelet: Pick<Kubelet, 'replaceClientAuthority'>, log: Log): Disposable {
  return followFiles([path], () => {
    try {
      kubelet.replaceClientAuthority(readFileSync(path, 'utf8'))
      log.info('The authority of clients was read anew', { path })
    } catch (error) {
      log.warn('The authority of clients can not be read anew; the last one stays', { path, problem: (error as Error).message })
    }
  })
}
