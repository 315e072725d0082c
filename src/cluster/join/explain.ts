import type { Clock } from '#base'
import { StatusError } from '#meta'

/** A failed connection in a sentence that says what to do; what is none of those comes back as it is. */
export function explainConnection(error: unknown, server: string, clock: Clock): Error {
  const found = error instanceof Error ? error : new Error(String(error))
  if (found instanceof StatusError) return found
  const code = codeOf(found)
  const sentence = sentenceFor(code, server, clock)
  return sentence === undefined ? found : new Error(sentence, { cause: found })
}

function codeOf(error: Error): string {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const code = (each as NodeJS.ErrnoException).code
    if (typeof code === 'string') return code
    if (each.name === 'TimeoutError') return 'ETIMEDOUT'
  }
  return ''
}

function sentenceFor(code: string, server: string, clock: Clock): string | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${server}; check --server, and that the control plane runs`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host of ${server} has no address; check --server and this machine's name servers`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
      return `${server} can't be reached; check --server, the network between, and that no firewall drops its port`
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'UND_ERR_SOCKET':
      return `${server} does not speak TLS as an API server does; check the port of --server`
    case 'CERT_NOT_YET_VALID':
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${server} is not valid at ${new Date(clock.now()).toISOString()}, which is the time on this machine; set the clocks of both`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${server} is for other names; use the address that 't8s token create --print-join-command' shows`
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return `${server} has a certificate of another authority than the cluster's; somebody stands in between, or --server is another cluster`
    default:
      return undefined
  }
}
