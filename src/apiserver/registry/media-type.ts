const TOKEN = /^[!#$%&'*+\-.^_`{|}~0-9a-z]+/i
const TYPE = /^[!#$%&'*+\-.^_`{|}~0-9a-z]+(?:\/[!#$%&'*+\-.^_`{|}~0-9a-z]+)?$/
/** Only what has a meaning of its own is taken out of it by a backslash. */
const QUOTED_TEXT = /^"((?:\\[()<>@,;:\\"/[\]?=]|(?!\\[()<>@,;:\\"/[\]?=])[^"\r\n])*)"/

/** The type that a `Content-Type` names, in small letters and without its parameters; undefined when it is malformed anywhere, as Go's `mime.ParseMediaType` finds it. */
export function parseMediaType(contentType: string): string | undefined {
  const [base = ''] = contentType.split(';', 1)
  const type = base.toLowerCase().trim()
  return TYPE.test(type) && hasParameters(contentType.slice(base.length)) ? type : undefined
}

/** Whether text is `; name=value` any number of times, and at most one more semicolon. A name that stands twice has one value. */
function hasParameters(text: string): boolean {
  const seen = new Map<string, string>()
  let rest = text.trimStart()
  while (rest !== '' && rest.trim() !== ';') {
    if (!rest.startsWith(';')) return false
    rest = rest.slice(1).trimStart()
    const name = TOKEN.exec(rest)?.[0].toLowerCase()
    if (name === undefined) return false
    rest = rest.slice(name.length).trimStart()
    if (!rest.startsWith('=')) return false
    rest = rest.slice(1).trimStart()
    const found = parameterValue(rest)
    if (found === undefined) return false
    const { all, value } = found
    if ((seen.get(name) ?? value) !== value) return false
    seen.set(name, value)
    rest = rest.slice(all.length).trimStart()
  }
  return true
}

/** A token or a quoted text that starts there, and what it says. */
function parameterValue(text: string): { readonly all: string; readonly value: string } | undefined {
  const [all, said] = QUOTED_TEXT.exec(text) ?? []
  if (all !== undefined) return { all, value: said!.replace(/\\([()<>@,;:\\"/[\]?=])/g, '$1') }
  const token = TOKEN.exec(text)?.[0]
  return token === undefined ? undefined : { all: token, value: token }
}
