import { hash } from 'node:crypto'
import type { TransportRequest, UserInfo } from '#client'
import { parseFieldSelector, parseSelector } from '#meta'
import type { AuthorizationAttributes } from '../authorization/index.ts'

/** Whether somebody may do something as somebody else. Its keys are made when somebody asks for them. */
export class Question {
  readonly wanted: UserInfo
  /** What is to be done, by who really asks. */
  readonly attributes: AuthorizationAttributes
  readonly #request: Pick<TransportRequest, 'path' | 'query'>
  #whole: { readonly key: string | undefined } | undefined
  #identity: string | undefined

  constructor(wanted: UserInfo, attributes: AuthorizationAttributes, request: Pick<TransportRequest, 'path' | 'query'>) {
    this.wanted = wanted
    this.attributes = attributes
    this.#request = request
  }

  /** The same question about others. */
  about(wanted: UserInfo, attributes: AuthorizationAttributes): Question {
    return new Question(wanted, attributes, this.#request)
  }

  /** By which an answer is remembered; undefined when not all of the question is understood, so that none is. */
  get key(): string | undefined {
    this.#whole ??= { key: this.#keyOfWhole() }
    return this.#whole.key
  }

  /** Of who would be whom, whatever is to be done. */
  get identityKey(): string {
    this.#identity ??= this.#keyOf([])
    return this.#identity
  }

  #keyOfWhole(): string | undefined {
    const { user: _user, ...what } = this.attributes
    const isLimited = what.isResource && ('fieldSelector' in what || 'labelSelector' in what)
    try {
      return this.#keyOf([what, this.#request.path, isLimited ? selectorsIn(this.#request.query) : []])
    } catch {
      return undefined
    }
  }

  /** The name of who asks stands apart from the hash, so that no collision makes one user another. */
  #keyOf(what: readonly unknown[]): string {
    const { wanted, attributes } = this
    const text = JSON.stringify([partsOf(wanted), partsOf(attributes.user), ...what])
    return `${hash('sha256', text, 'base64')}/${attributes.user.username}`
  }
}

const partsOf = ({ username, uid = '', groups, extra = {} }: UserInfo): unknown[] => [
  username,
  uid,
  groups,
  Object.entries(extra).sort(([a], [b]) => (a < b ? -1 : 1)),
]

/** All that selectors say, also what authorizers are not told. Throws for one that can not be read. */
const selectorsIn = (query: URLSearchParams | undefined): unknown[] => [
  parseFieldSelector(query?.get('fieldSelector') ?? ''),
  parseSelector(query?.get('labelSelector') ?? ''),
]
