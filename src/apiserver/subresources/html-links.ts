/** Attributes that hold links, as upstream's proxy knows them. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

/** Elements whose content is text, whatever it looks like. */
const RAW = new Set(['script', 'style', 'textarea', 'title'])

/** Characters of one tag; a longer one is passed on as it is. */
const TAG_LENGTH_MAX = 64 * 1024

/** Passes HTML through and hands every link in it to `rewrite`. Works on bytes: whatever the encoding, tags and paths are ASCII. */
export async function* rewriteLinks(
  html: AsyncIterable<Uint8Array>,
  rewrite: (link: string) => string,
): AsyncIterable<Uint8Array> {
  const scanner = new LinkScanner(rewrite)
  for await (const chunk of html) {
    const out = scanner.push(Buffer.from(chunk).toString('latin1'))
    if (out !== '') yield Buffer.from(out, 'latin1')
  }
  const rest = scanner.end()
  if (rest !== '') yield Buffer.from(rest, 'latin1')
}

/** Finds tags in text that comes in pieces. What may be the beginning of a tag is held back until it ends. */
class LinkScanner {
  readonly #rewrite: (link: string) => string
  #held = ''
  /** Inside an element whose content is text: its name. */
  #raw: string | undefined

  constructor(rewrite: (link: string) => string) {
    this.#rewrite = rewrite
  }

  push(text: string): string {
    let rest = this.#held + text
    this.#held = ''
    let out = ''
    for (;;) {
      const start = rest.indexOf('<')
      if (start === -1) return out + rest
      const end = this.#endOf(rest, start)
      if (end === -1) {
        if (rest.length - start > TAG_LENGTH_MAX) return out + rest
        this.#held = rest.slice(start)
        return out + rest.slice(0, start)
      }
      out += rest.slice(0, start) + this.#tag(rest.slice(start, end))
      rest = rest.slice(end)
    }
  }

  end(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }

  /** Past the end of the tag, comment or bare `<` at `start`; -1 when it has not come yet. */
  #endOf(text: string, start: number): number {
    if (this.#raw !== undefined) return this.#endOfRaw(text, start)
    if (text.startsWith('<!--', start)) {
      const end = text.indexOf('-->', start + 4)
      return end === -1 ? -1 : end + 3
    }
    if (text.length - start < 4 && '<!--'.startsWith(text.slice(start))) return -1
    let quote = ''
    for (let at = start + 1; at < text.length; at++) {
      const character = text[at]!
      if (quote !== '') {
        if (character === quote) quote = ''
      } else if (character === '"' || character === "'") quote = character
      else if (character === '>') return at + 1
    }
    return -1
  }

  /** In raw text only the element's own end tag is one. */
  #endOfRaw(text: string, start: number): number {
    const closing = `</${this.#raw}`
    const seen = text.slice(start, start + closing.length).toLowerCase()
    if (seen !== closing) return closing.startsWith(seen) && seen.length < closing.length ? -1 : start + 1
    const end = text.indexOf('>', start)
    return end === -1 ? -1 : end + 1
  }

  #tag(tag: string): string {
    const name = /^<(\/?)([a-zA-Z][a-zA-Z0-9]*)/.exec(tag)
    if (name === null) return tag
    const element = name[2]!.toLowerCase()
    if (name[1] === '/') {
      if (element === this.#raw) this.#raw = undefined
      return tag
    }
    if (RAW.has(element) && !tag.endsWith('/>')) this.#raw = element
    const links = LINKS[element]
    if (links === undefined) return tag
    return tag.replace(ATTRIBUTE, (whole: string, before: string, attribute: string, equals: string, value: string) => {
      if (!links.includes(attribute.toLowerCase())) return whole
      const quote = value.startsWith('"') || value.startsWith("'") ? value[0]! : ''
      const link = quote === '' ? value : value.slice(1, -1)
      return `${before}${attribute}${equals}${quote}${this.#rewrite(link)}${quote}`
    })
  }
}

const ATTRIBUTE = /(\s)([a-zA-Z][a-zA-Z-]*)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g
