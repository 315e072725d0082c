/** Programs for Node.js in a container: text, since they run where nothing of this repository is. Each prints its result and nothing else. */

export const print = (path: string): string => `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(path)}))`

/** Prints the octal permission bits of what a path leads to. */
export const modeOf = (path: string): string =>
  `process.stdout.write((require('node:fs').statSync(${JSON.stringify(path)}).mode & 0o777).toString(8))`

/** Asks the API of the cluster as any client library in a pod does: by the environment and the files of the account. */
const API = (directory: string): string => `
  const { readFileSync } = require('node:fs')
  const { request } = require('node:https')
  const mounted = (name) => readFileSync(${JSON.stringify(directory)} + '/' + name, 'utf8')
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  const ask = (url, { method = 'GET', body } = {}) => new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer ' + mounted('token'), 'content-type': 'application/json' }
    const sent = request(url, { method, headers, ca: mounted('ca.crt') }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('end', () => {
        if (response.statusCode >= 300) reject(new Error(url + ': ' + response.statusCode + ' ' + text))
        else resolve(JSON.parse(text))
      })
    })
    sent.on('error', reject).end(body)
  })
  const api = 'https://' + host + ':' + port
`

/** Prints the user that the API takes the pod for. */
export const whoAmI = (directory: string): string => `${API(directory)}
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  ask(api + '/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST', body: JSON.stringify(review) })
    .then(({ status }) => process.stdout.write(status.userInfo.username))
`

/**
 * Validates the token at a path as any relying party would: by the discovery document of its issuer, found by the issuer's name alone, the keys that
 * this names, the signature, the issuer and the time. Prints whom it is of and for.
 */
export const validate = ({
  apiPath,
  tokenPath,
}: {
  readonly apiPath: string
  readonly tokenPath: string
}): string => `${API(apiPath)}
  const { createPublicKey, verify } = require('node:crypto')
  const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const HASHES = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' }
  const isSigned = (token, key, algorithm) => {
    const [head, body, signature] = token.split('.')
    const options = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }
    return verify(HASHES[algorithm], Buffer.from(head + '.' + body), options, Buffer.from(signature, 'base64url'))
  }
  const check = (isTrue, what) => {
    if (!isTrue) throw new Error(what)
  }
  const run = async () => {
    const token = readFileSync(${JSON.stringify(tokenPath)}, 'utf8')
    const [head, body, signature] = token.split('.')
    const { alg, kid } = decoded(head)
    const { iss, sub, aud, exp, nbf } = decoded(body)
    const { issuer, jwks_uri, ...rest } = await ask(iss + '/.well-known/openid-configuration')
    check(issuer === iss, 'the issuer calls itself ' + issuer + ', its token says ' + iss)
    check(rest.id_token_signing_alg_values_supported.includes(alg), alg + ' is not announced')
    check(rest.response_types_supported.includes('id_token'), 'response types')
    check(rest.subject_types_supported.includes('public'), 'subject types')
    const { keys } = await ask(jwks_uri)
    const key = keys.find((each) => each.kid === kid)
    check(key !== undefined && key.alg === alg && key.use === 'sig', 'no key ' + kid)
    check(isSigned(token, key, alg), 'the signature is not by the key')
    const nowSeconds = Date.now() / 1000
    check(exp > nowSeconds && nbf <= nowSeconds + 1, 'the time')
    const forged = [head, Buffer.from(JSON.stringify({ iss, sub: 'system:admin', aud, exp })).toString('base64url'), signature].join('.')
    process.stdout.write(JSON.stringify({ subject: sub, audience: aud, isForgedRefused: !isSigned(forged, key, alg) }))
  }
  run().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
`
