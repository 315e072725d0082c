const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const KEY_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const LABEL_LENGTH_MAX = 63
const SUBDOMAIN_LENGTH_MAX = 253

const KEY_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

/** What a name must not be: each rule yields upstream's sentences. With `prefix`, something is going to follow the name. */
export type NameRule = (name: string, prefix?: boolean) => Iterable<string>

/** What nothing is wrong with. */
export const NONE: readonly never[] = Object.freeze([])

/** Almost every name is as it should be: then a rule makes nothing. */
export const unless =
  (fits: (name: string) => boolean, rule: NameRule): NameRule =>
  (name, prefix) =>
    !prefix && fits(name) ? NONE : rule(name, prefix)

/** Lengths are counted in bytes of UTF-8; upstream's older rules call them characters. */
export function* noLongerThan(max: number, name: string, unit = 'characters'): Iterable<string> {
  if (name.length > max || Buffer.byteLength(name) > max) yield `must be no more than ${max} ${unit}`
}

const DASH_AT_END = /[^\u0080-\uffff]-$/

/** A dash at the end of a prefix is fine; it won't be the end. Upstream drops the character before it as well, whatever that is, and so do we. */
export const whole = (name: string, prefix: boolean | undefined): string => (prefix ? name.replace(DASH_AT_END, 'a') : name)

/** Whether a name may stand in DNS, apart from its length. */
export const isSubdomain = (name: string): boolean => SUBDOMAIN.test(name)

/** Names that go into URLs and most often into DNS. */
export const subdomainName = unless(
  (name) => name.length <= SUBDOMAIN_LENGTH_MAX && SUBDOMAIN.test(name),
  (name, prefix) => subdomainProblems(whole(name, prefix), 'characters'),
)

function* subdomainProblems(name: string, unit: string): Iterable<string> {
  yield* noLongerThan(SUBDOMAIN_LENGTH_MAX, name, unit)
  if (!SUBDOMAIN.test(name)) {
    yield "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }
}

function isQualified(key: string): boolean {
  const slash = key.indexOf('/')
  const name = key.slice(slash + 1)
  if (name.length > LABEL_LENGTH_MAX || !KEY_NAME.test(name)) return false
  return slash === -1 || (slash <= SUBDOMAIN_LENGTH_MAX && SUBDOMAIN.test(key.slice(0, slash)))
}

/** `prefix/name`, where the prefix is a DNS subdomain: label keys, finalizers, resource names. */
export const qualifiedName = unless(isQualified, function* (key) {
  const parts = key.split('/')
  if (parts.length > 2) {
    yield `a valid label key ${KEY_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`
    return
  }
  const name = parts.at(-1)!
  if (parts.length === 2) {
    if (parts[0] === '') yield 'prefix part must be non-empty'
    else for (const problem of subdomainProblems(parts[0]!, 'bytes')) yield `prefix part ${problem}`
  }
  if (name === '') yield 'name part must be non-empty'
  else for (const problem of noLongerThan(LABEL_LENGTH_MAX, name, 'bytes')) yield `name part ${problem}`
  if (!KEY_NAME.test(name)) yield `name part ${KEY_RULE}`
})

export const labelValue = unless(
  (value) => value.length <= LABEL_LENGTH_MAX && VALUE.test(value),
  function* (value) {
    yield* noLongerThan(LABEL_LENGTH_MAX, value, 'bytes')
    if (!VALUE.test(value)) {
      yield "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    }
  },
)
