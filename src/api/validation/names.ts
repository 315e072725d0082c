const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const LABEL_LENGTH_MAX = 63
const SUBDOMAIN_LENGTH_MAX = 253

const QUALIFIED_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

const tooLong = (length: number): string => `must be no more than ${length} characters`

/** What a name must not be: each rule yields upstream's sentences. With `prefix`, something is going to follow the name. */
export type NameRule = (name: string, prefix?: boolean) => Iterable<string>

/** What nothing is wrong with. */
export const NONE: readonly never[] = Object.freeze([])

/** Almost every name is as it should be: then a rule makes nothing. */
const unless =
  (fits: (name: string) => boolean, rule: NameRule): NameRule =>
  (name, prefix) =>
    !prefix && fits(name) ? NONE : rule(name, prefix)

/** A dash at the end of a prefix is fine; it won't be the end. */
const whole = (name: string, prefix: boolean | undefined): string => (prefix ? name.replace(/-$/, 'a') : name)

export const dnsLabel = unless(
  (name) => name.length <= LABEL_LENGTH_MAX && LABEL.test(name),
  function* (name, prefix) {
    if (name.length > LABEL_LENGTH_MAX) yield tooLong(LABEL_LENGTH_MAX)
    if (!LABEL.test(whole(name, prefix))) {
      yield "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    }
  },
)

export const dns1035Label = unless(
  (name) => name.length <= LABEL_LENGTH_MAX && LABEL_1035.test(name),
  function* (name, prefix) {
    if (name.length > LABEL_LENGTH_MAX) yield tooLong(LABEL_LENGTH_MAX)
    if (!LABEL_1035.test(whole(name, prefix))) {
      yield "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    }
  },
)

/** Names that go into URLs and most often into DNS. */
export const subdomainName = unless(
  (name) => name.length <= SUBDOMAIN_LENGTH_MAX && SUBDOMAIN.test(name),
  function* (name, prefix) {
    if (name.length > SUBDOMAIN_LENGTH_MAX) yield tooLong(SUBDOMAIN_LENGTH_MAX)
    if (!SUBDOMAIN.test(whole(name, prefix))) {
      yield "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    }
  },
)

const WILDCARD = /^\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** `*.example.com`. */
export const wildcardName: NameRule = function* (name) {
  if (name.length > SUBDOMAIN_LENGTH_MAX) yield tooLong(SUBDOMAIN_LENGTH_MAX)
  if (!WILDCARD.test(name)) {
    yield "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }
}

/** A domain of two labels or more; a dot at its end is fine. */
export function* fullyQualifiedDomain(name: string): Iterable<string> {
  const bare = name.replace(/\.$/, '')
  if (bare === '') {
    yield 'should be a domain with at least two segments separated by dots'
    return
  }
  yield* subdomainName(bare)
  if (bare.split('.').length < 2) yield 'should be a domain with at least two segments separated by dots'
  for (const label of bare.split('.')) yield* dnsLabel(label)
}

const UNDERSCORED = /^[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?(\.[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?)*$/

/** A domain to search, whose labels may have underscores. */
export const underscoredSubdomainName: NameRule = function* (name) {
  if (name.length > SUBDOMAIN_LENGTH_MAX) yield tooLong(SUBDOMAIN_LENGTH_MAX)
  if (!UNDERSCORED.test(name)) {
    yield "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?(\\.[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?)*')"
  }
}

/** Anything that is one segment of a URL path: RBAC names hold colons and capitals. */
export const pathSegmentName: NameRule = function* (name, prefix) {
  if (!prefix && (name === '.' || name === '..')) yield `may not be '${name}'`
  if (name.includes('/')) yield "may not contain '/'"
  if (name.includes('%')) yield "may not contain '%'"
}

function isQualified(key: string): boolean {
  const slash = key.indexOf('/')
  const name = key.slice(slash + 1)
  if (name.length > LABEL_LENGTH_MAX || !QUALIFIED_PART.test(name)) return false
  return slash === -1 || (slash <= SUBDOMAIN_LENGTH_MAX && SUBDOMAIN.test(key.slice(0, slash)))
}

/** `prefix/name`, where the prefix is a DNS subdomain: label keys, finalizers, resource names. */
export const qualifiedName = unless(isQualified, function* (key) {
  const parts = key.split('/')
  if (parts.length > 2) {
    yield `a qualified name ${QUALIFIED_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`
    return
  }
  const name = parts.at(-1)!
  if (parts.length === 2) {
    if (parts[0] === '') yield 'prefix part must be non-empty'
    else for (const problem of subdomainName(parts[0]!)) yield `prefix part ${problem}`
  }
  if (name === '') yield 'name part must be non-empty'
  else if (name.length > LABEL_LENGTH_MAX) yield `name part ${tooLong(LABEL_LENGTH_MAX)}`
  if (!QUALIFIED_PART.test(name)) yield `name part ${QUALIFIED_RULE}`
})

export const labelValue = unless(
  (value) => value.length <= LABEL_LENGTH_MAX && LABEL_VALUE.test(value),
  function* (value) {
    if (value.length > LABEL_LENGTH_MAX) yield tooLong(LABEL_LENGTH_MAX)
    if (!LABEL_VALUE.test(value)) {
      yield "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    }
  },
)

const PORT_NAME_LENGTH_MAX = 15
const PLAIN_PORT_NAME = /^[a-z][a-z0-9]*$/

/** An IANA service name. */
export const portName = unless(
  (name) => name.length <= PORT_NAME_LENGTH_MAX && PLAIN_PORT_NAME.test(name),
  function* (name) {
    if (name.length > PORT_NAME_LENGTH_MAX) yield tooLong(PORT_NAME_LENGTH_MAX)
    if (!/^[-a-z0-9]+$/.test(name)) yield 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
    if (!/[a-z]/.test(name)) yield 'must contain at least one letter (a-z)'
    if (name.includes('--')) yield 'must not contain consecutive hyphens'
    if (name.startsWith('-') || name.endsWith('-')) yield 'must not begin or end with a hyphen'
  },
)

const ENVIRONMENT_NAME = /^[ -<>-~]+$/

export const environmentName = unless(
  (name) => ENVIRONMENT_NAME.test(name),
  function* (name) {
    if (!ENVIRONMENT_NAME.test(name)) {
      yield "a valid environment variable name must consist only of printable ASCII characters other than '='"
    }
  },
)

const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/

/** A key of a ConfigMap or Secret, which becomes a file name. */
export const configKey = unless(
  (key) => key.length <= SUBDOMAIN_LENGTH_MAX && CONFIG_KEY.test(key) && !key.startsWith('.'),
  function* (key) {
    if (key.length > SUBDOMAIN_LENGTH_MAX) yield tooLong(SUBDOMAIN_LENGTH_MAX)
    if (!CONFIG_KEY.test(key)) {
      yield "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    }
    if (key === '.') yield "must not be '.'"
    else if (key === '..') yield "must not be '..'"
    else if (key.startsWith('..')) yield "must not start with '..'"
  },
)

const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SYSCTL = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`

/** A kernel parameter: segments with dots or slashes between. */
export const sysctlName: NameRule = function* (name) {
  if (name.length > SUBDOMAIN_LENGTH_MAX || !name.split(/[./]/).every((segment) => SYSCTL_PART.test(segment))) {
    yield `must have at most ${SUBDOMAIN_LENGTH_MAX} characters and match regex ^${SYSCTL}$`
  }
}

const SYSCTL_PART = new RegExp(`^${SYSCTL_SEGMENT}$`)

export const cIdentifier: NameRule = function* (name) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    yield "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
  }
}
