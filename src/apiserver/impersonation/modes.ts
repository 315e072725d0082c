import type { Clock } from '#base'
import type { UserInfo } from '#client'
import type { AuthorizationAttributes } from '../authorization/index.ts'
import { ExpiringCache } from '../expiring-cache.ts'
import { type Ask, authorizeIdentity } from './identity.ts'
import type { Question } from './question.ts'
import { nodeOf, serviceAccountOf } from './usernames.ts'
import { isOnlyName } from './wanted-user.ts'

export interface Impersonated {
  readonly user: UserInfo
  /** The verb by which it was allowed; absent when nothing limits what may be done. */
  readonly constraint?: string
}

/** One way to be allowed to be somebody else. */
export interface Mode {
  /** Undefined: it is no way to be this user. Rejects with 403. What is allowed is remembered by the keys of `remembered`. */
  check(question: Question, remembered?: Question): Promise<Impersonated | undefined>
}

interface Dependencies {
  readonly ask: Ask
  readonly clock: Clock
}

/** For how long it is remembered what was allowed; what was not is asked each time. */
const REMEMBERED_MS = 10_000
/** Of each of a mode's two memories; the answer that was not used for longest makes room. */
const ANSWERS_MAX = 4_096

const NODE_NAME = 'authentication.kubernetes.io/node-name'
const NODE_KEYS = 'authentication.kubernetes.io/associated-node-keys'

/** In the order in which they are tried, the one that allows least first. */
export const allModes = (dependencies: Dependencies): Mode[] => [
  associatedNode(dependencies),
  constrained('arbitrary-node', dependencies, (wanted) => isOnlyName(wanted) && nodeOf(wanted.username) !== undefined),
  constrained('serviceaccount', dependencies, (wanted) => isOnlyName(wanted) && isServiceAccount(wanted)),
  constrained('user-info', dependencies, (wanted) => nodeOf(wanted.username) === undefined && !isServiceAccount(wanted)),
  legacy(dependencies),
]

const isServiceAccount = ({ username }: UserInfo): boolean => serviceAccountOf(username) !== undefined

/**
 * Who may do something as somebody else has to be allowed both: to do this in the mode (`impersonate-on:MODE:VERB`), and to be that user (`impersonate:MODE`).
 * `applies` is asked before anything is remembered.
 */
function constrained(
  name: string,
  { ask, clock }: Dependencies,
  applies: (wanted: UserInfo, requester: UserInfo) => boolean,
): Mode {
  const verb = `impersonate:${name}`
  const allowed = new ExpiringCache<Impersonated>(ANSWERS_MAX, clock)
  const identities = new ExpiringCache<Impersonated>(ANSWERS_MAX, clock)

  async function identityOf({ wanted, attributes: { user } }: Question, key: string): Promise<Impersonated> {
    const known = identities.get(key)
    if (known !== undefined) return known
    const identity = await authorizeIdentity(wanted, { user, verb, isConstrained: true }, ask)
    const impersonated = { user: identity, constraint: verb }
    identities.set(key, impersonated, REMEMBERED_MS)
    return impersonated
  }

  return {
    async check(question, { key, identityKey } = question) {
      const { wanted, attributes } = question
      if (!applies(wanted, attributes.user)) return undefined
      const known = key === undefined ? undefined : allowed.get(key)
      if (known !== undefined) return known
      await ask({ ...attributes, verb: `impersonate-on:${name}:${attributes.verb}` })
      const impersonated = await identityOf(question, identityKey)
      if (key !== undefined) allowed.set(key, impersonated, REMEMBERED_MS)
      return impersonated
    },
  }
}

/**
 * A service account may be the node on which it runs, as its token says. Since that is checked before, it is asked about all nodes at once and without what tells
 * one of its pods from another: of an agent that runs on every node it is asked once.
 */
function associatedNode({ ask, clock }: Dependencies): Mode {
  const mode = constrained('associated-node', { ask: (attributes) => ask(onAnyNode(attributes)), clock }, runsOn)
  return {
    async check(question) {
      const { wanted, attributes } = question
      const found = await mode.check(question, question.about(ANY_NODE, onAnyNode(attributes)))
      return found && { ...found, user: { ...found.user, username: wanted.username } }
    },
  }
}

function runsOn(wanted: UserInfo, requester: UserInfo): boolean {
  const node = nodeOf(wanted.username)
  if (!isOnlyName(wanted) || node === undefined || !isServiceAccount(requester)) return false
  const [name, another] = requester.extra?.[NODE_NAME] ?? []
  return name === node && another === undefined
}

const ANY_NODE: UserInfo = { username: 'system:node:*', groups: [] }

const onAnyNode = (attributes: AuthorizationAttributes): AuthorizationAttributes => ({
  ...attributes,
  user: { ...attributes.user, extra: { [NODE_KEYS]: Object.keys(attributes.user.extra ?? {}).sort() } },
  ...(attributes.verb === 'impersonate:associated-node' && { name: '*' }),
})

/** As it always was: nothing limits what may be done, and nothing is remembered. */
const legacy = ({ ask }: Dependencies): Mode => ({
  check: async ({ wanted, attributes: { user } }) => ({
    user: await authorizeIdentity(wanted, { user, verb: 'impersonate', isConstrained: false }, ask),
  }),
})
