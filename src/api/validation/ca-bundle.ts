import { X509Certificate } from 'node:crypto'

const BLOCK = /-----BEGIN ([^\r\n-]+)-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g
const HEADER = /^[^\s:]+:/

/** Why certificates of authorities can not be loaded, in upstream's words; undefined: at least one can. `base64` is what the field holds. */
export function bundleProblem(base64: string): string | undefined {
  const pem = Buffer.from(base64, 'base64').toString()
  const certificates = [...pem.matchAll(BLOCK)].filter(([, type, body]) => type === 'CERTIFICATE' && !HEADER.test(body!))
  const blocks = [...pem.matchAll(BLOCK)]
  const readable = certificates.map(([, , body]) => isCertificate(body!))
  if (readable.includes(true)) return undefined
  const rest = blocks.length === 0 ? pem : pem.slice(blocks.at(-1)!.index + blocks.at(-1)![0].length).trim()
  const why = readable.includes(false)
    ? 'failed to parse certificate: x509: malformed certificate'
    : rest !== ''
      ? 'unable to parse bytes as PEM block'
      : 'no valid certificate authority data seen'
  return `unable to load root certificates: ${why}`
}

function isCertificate(body: string): boolean {
  try {
    return new X509Certificate(Buffer.from(body, 'base64')).raw.length > 0
  } catch {
    return false
  }
}
