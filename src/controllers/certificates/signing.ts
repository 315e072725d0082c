import { certificateSigningRequests } from '#api'
import { isConflict, isNotFound } from '#meta'
import { defineController, done } from '../framework/index.ts'
import { conditionOf, withCondition } from './conditions.ts'
import { parseRequest } from './request.ts'
import { signRequest } from './sign.ts'
import { signerRules } from './signers.ts'

/** Twice what certificates are dated back. */
const DURATION_MS_MIN = 10 * 60_000

/** Issues the certificates of approved requests to Kubernetes' own signers, for those of which it was given an authority. */
export const certificateSigning = defineController({
  name: 'certificate-controller',
  flag: 'certificatesigningrequest-signing-controller',
  for: certificateSigningRequests,
  async reconcile({ key, cache, client, clock, random }, { signing }) {
    const request = cache(certificateSigningRequests).get(key)
    const signer = request?.spec?.signerName ?? ''
    const [rule, authority] = [signerRules[signer], signing?.authorities[signer]]
    if (request === undefined || rule === undefined || authority === undefined || request.status?.certificate) return done
    if (conditionOf(request, 'Approved') === undefined || conditionOf(request, 'Denied') || conditionOf(request, 'Failed'))
      return done
    const parsed = await parseRequest(request)
    const usages = request.spec?.usages ?? []
    const problem = rule(parsed, usages)
    const limitMs = signing!.durationMs
    const wishedMs = request.spec?.expirationSeconds === undefined ? limitMs : request.spec.expirationSeconds * 1000
    const durationMs = wishedMs > limitMs ? limitMs : Math.max(wishedMs, DURATION_MS_MIN)
    const result =
      problem === undefined
        ? { ...request, status: { ...request.status, certificate: await issue() } }
        : withCondition(request, clock.now(), { type: 'Failed', reason: 'SignerValidationFailure', message: problem })
    try {
      await client.updateStatus(certificateSigningRequests, result)
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done

    async function issue(): Promise<string> {
      const pem = await signRequest(authority!, parsed, { usages, durationMs, nowMs: clock.now(), random })
      return Buffer.from(pem).toString('base64')
    }
  },
})
