import { type Secret, type ServiceAccount, secrets, serviceAccounts } from '#api'
import { isConflict, isNotFound } from '#meta'
import { defineController, done, type ManagerContext, watch } from './framework/index.ts'

type SignToken = NonNullable<ManagerContext['signToken']>

const TYPE = 'kubernetes.io/service-account-token'
const ACCOUNT = 'kubernetes.io/service-account.name'
const ACCOUNT_UID = 'kubernetes.io/service-account.uid'

const BY_ACCOUNT = 'token secrets by account'

const keyOf = ({ metadata }: Secret): string => `${metadata?.namespace}/${metadata?.name}`

/**
 * Fills Secrets of type kubernetes.io/service-account-token with a token of the account that they name, and deletes them with it
 * (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller). Without a key to sign with it does nothing.
 */
export const serviceAccountTokenController = defineController({
  name: 'serviceaccount-token-controller',
  flag: 'serviceaccount-token-controller',
  for: secrets,
  watches: [
    watch(serviceAccounts, ({ metadata }, { cache }) =>
      cache(secrets).byIndex(BY_ACCOUNT, `${metadata?.namespace}/${metadata?.name}`).map(keyOf),
    ),
  ],
  prepare({ cache }) {
    cache(secrets).addIndex(BY_ACCOUNT, (secret) => {
      const account = accountOf(secret)
      return account === undefined ? [] : [`${secret.metadata?.namespace}/${account}`]
    })
  },
  async reconcile({ key, cache }, { reader: client, signToken, rootCA }) {
    const cached = cache(secrets).get(key)
    const account = cached && accountOf(cached)
    if (cached === undefined || account === undefined || account === '' || signToken === undefined) return done
    if (cached.metadata?.deletionTimestamp !== undefined) return done
    const [namespace, name] = key.split('/')
    const accountKey = `${namespace}/${account}`
    const known = cache(serviceAccounts).get(accountKey)
    const cachedOwner = isOwner(cached, known) ? known : undefined
    // Both a deletion and a token rest on what is there now.
    const owner = cachedOwner ?? (await client.find(serviceAccounts, accountKey))
    try {
      if (owner === undefined || !isOwner(cached, owner)) {
        await client.delete(secrets, key, { preconditions: { uid: cached.metadata?.uid ?? '' } })
        return done
      }
      if (isComplete(cached, owner, rootCA)) return done
      const secret = await client.find(secrets, key)
      if (secret === undefined || accountOf(secret) !== account || isComplete(secret, owner, rootCA)) return done
      await client.update(secrets, await completed(secret, owner, { namespace: namespace!, name: name!, rootCA, signToken }))
    } catch (error) {
      // What changed meanwhile comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done
  },
})

/** Undefined for Secrets of other types. */
const accountOf = ({ type, metadata }: Secret): string | undefined =>
  type === TYPE ? metadata?.annotations?.[ACCOUNT] : undefined

/** A Secret that names no uid yet is anybody's of that name. */
function isOwner({ metadata }: Secret, account: ServiceAccount | undefined): boolean {
  const uid = metadata?.annotations?.[ACCOUNT_UID]
  return account !== undefined && (uid === undefined || uid === '' || uid === account.metadata?.uid)
}

const encoded = (text: string): string => Buffer.from(text).toString('base64')

const isComplete = ({ data = {}, metadata }: Secret, account: ServiceAccount, rootCA: string): boolean =>
  Boolean(data['token'] && data['namespace']) &&
  (rootCA === '' || data['ca.crt'] === encoded(rootCA)) &&
  metadata?.annotations?.[ACCOUNT_UID] === account.metadata?.uid

async function completed(
  secret: Secret,
  { metadata }: ServiceAccount,
  { namespace, name, rootCA, signToken }: { namespace: string; name: string; rootCA: string; signToken: SignToken },
): Promise<Secret> {
  const { name: account = '', uid = '' } = metadata ?? {}
  const prefix = 'kubernetes.io/serviceaccount/'
  const claims = {
    iss: 'kubernetes/serviceaccount',
    sub: `system:serviceaccount:${namespace}:${account}`,
    [`${prefix}namespace`]: namespace,
    [`${prefix}secret.name`]: name,
    [`${prefix}service-account.name`]: account,
    [`${prefix}service-account.uid`]: uid,
  }
  const { data = {} } = secret
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...secret.metadata?.annotations, [ACCOUNT]: account, [ACCOUNT_UID]: uid } },
    data: {
      ...data,
      ...(rootCA !== '' && { 'ca.crt': encoded(rootCA) }),
      namespace: data['namespace'] || encoded(namespace),
      token: data['token'] || encoded(await signToken(claims)),
    },
  }
}
